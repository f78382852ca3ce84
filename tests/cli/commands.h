// SPDX-License-Identifier: Apache-2.0
// Runs the program as a child and keeps what it prints.
#pragma once

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <sstream>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/temporary_folder.h"

namespace lathe {

namespace fs = std::filesystem;

inline const std::string examples = LATHE_SOURCE_DIR "/resources/examples/";
inline const std::string detector = examples + "digits_detr_anysize/digits_detr_anysize_script17.onnx";
inline const std::string scenes = examples + "digits_detr_anysize/digits_scenes.dataset.json";
inline const std::string digits = examples + "digits_resnet/digits_resnet_script17.onnx";
inline const std::string digits_data = examples + "digits_resnet/digits_eval.dataset.json";

inline std::string content(const fs::path& file) {
  std::ostringstream text;
  text << std::ifstream(file, std::ios::binary).rdbuf();
  return text.str();
}

class Commands : public testing::Test {
 protected:
  struct Ran {
    int code = -1;
    std::string out, err;
  };

  pid_t start(const std::vector<std::string>& arguments) {
    std::fflush(nullptr);  // or the child would write it too
    const pid_t child = fork();
    if (child != 0) return child;
    if (freopen((folder_ / "out").c_str(), "w", stdout) == nullptr ||
        freopen((folder_ / "err").c_str(), "w", stderr) == nullptr)
      _exit(126);
    std::vector<char*> argv{const_cast<char*>(LATHE_PROGRAM)};
    for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
    argv.push_back(nullptr);
    execv(LATHE_PROGRAM, argv.data());
    _exit(127);
  }
  Ran finish(pid_t child) {
    int status = 0;
    waitpid(child, &status, 0);
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status), content(folder_ / "out"),
            content(folder_ / "err")};
  }
  Ran run(const std::vector<std::string>& arguments) { return finish(start(arguments)); }
  /// Exit code and a part of the one line on stderr.
  void expect_refusal(const std::vector<std::string>& arguments, int code, const std::string& words) {
    const Ran ran = run(arguments);
    std::string line;
    for (const std::string& argument : arguments) line += argument + " ";
    EXPECT_EQ(ran.code, code) << line << "\n" << ran.err;
    EXPECT_THAT(ran.err, testing::HasSubstr(words)) << line;
    EXPECT_EQ(ran.err.rfind("lathe: ", 0), 0U) << line << "\n" << ran.err;
    EXPECT_EQ(ran.out, "") << line;
  }
  std::string write(const std::string& name, const std::string& text) {
    return folder_.write(name, text).string();
  }
  std::string place(const std::string& name) { return (folder_ / name).string(); }
  /// Names in the folder, without what run() itself writes.
  std::vector<std::string> left() {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder_.path()))
      if (entry.path().filename() != "out" && entry.path().filename() != "err")
        names.push_back(entry.path().filename());
    return names;
  }

  TemporaryFolder folder_;
};

}  // namespace lathe
