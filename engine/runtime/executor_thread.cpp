// SPDX-License-Identifier: Apache-2.0
#include "engine/runtime/executor_thread.h"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "engine/runtime/contention_watch.h"

namespace lathe {
namespace {

struct Request {
  const std::function<void()>* work;
  bool done = false;
};

class ExecutorThread {
 public:
  ExecutorThread() : thread_([this](std::stop_token stop) { loop(stop); }) {}
  ~ExecutorThread() {
    {
      // Under the lock: between looking for a stop and falling asleep the thread would miss the call.
      const std::lock_guard lock(mutex_);
      thread_.request_stop();
    }
    wake_.notify_all();
  }

  void run(const std::function<void()>& work) {
    Request request{&work};
    std::unique_lock lock(mutex_);
    queue_.push_back(&request);
    wake_.notify_all();
    finished_.wait(lock, [&] { return request.done; });
  }
  bool is_this_thread() const { return std::this_thread::get_id() == thread_.get_id(); }

 private:
  void loop(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    for (;;) {
      wake_.wait(lock, [&] { return stop.stop_requested() || !queue_.empty(); });
      if (queue_.empty()) return;
      Request* request = queue_.front();
      queue_.pop_front();
      lock.unlock();
      watch_.work_begins();
      (*request->work)();
      watch_.work_ends();
      lock.lock();
      request->done = true;
      finished_.notify_all();
    }
  }

  std::mutex mutex_;
  std::condition_variable wake_, finished_;
  std::deque<Request*> queue_;
  ContentionWatch watch_;
  std::jthread thread_;
};

ExecutorThread& executor() {
  static ExecutorThread thread;
  return thread;
}

}  // namespace

void run_on_executor(const std::function<void()>& work) {
  ExecutorThread& thread = executor();
  if (thread.is_this_thread())
    work();
  else
    thread.run(work);
}

bool on_executor_thread() {
  return executor().is_this_thread();
}

}  // namespace lathe
