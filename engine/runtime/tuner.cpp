// SPDX-License-Identifier: Apache-2.0
#include "engine/runtime/tuner.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>

#include "engine/base/files.h"
#include "engine/runtime/observer.h"

namespace lathe {
namespace {

/// Types whose numbers kernels only compute with: indices need values that make sense.
bool fillable(ElementType type) {
  return is_float(type) || type == ElementType::u8 || type == ElementType::i8;
}

/// Halves everywhere (ones in 8 bit): no number that is slow to compute with.
void fill(Buffer& buffer, ElementType type) {
  const float half = 0.5F;
  const uint16_t f16 = 0x3800, bf16 = 0x3f00;
  for (size_t i = 0; i + sizeof(float) <= buffer.size(); i += sizeof(float)) {
    std::byte* at = buffer.mutable_data() + i;
    if (type == ElementType::f32)
      std::memcpy(at, &half, sizeof(half));
    else if (type == ElementType::f16 || type == ElementType::bf16)
      for (size_t k = 0; k < 2; ++k)
        std::memcpy(at + 2 * k, type == ElementType::f16 ? &f16 : &bf16, sizeof(uint16_t));
    else
      std::memset(at, 1, sizeof(float));
  }
}

/// A kernel with memory for all it reads and writes, and the reorders between this and the layouts that its
/// neighbours have.
class Trial {
 public:
  static Result<Trial> make(const KernelRequest& request, Kernel& kernel, const Kernel& by_rule) {
    Trial trial;
    trial.kernel_ = &kernel;
    for (size_t i = 0; i < request.inputs.size(); ++i) {
      TensorDesc desc = request.inputs[i];
      if (!desc.present() || kernel.consumed(i)) {
        trial.inputs_.push_back(nullptr);
        continue;
      }
      const Layout from = desc.layout;
      if (i < kernel.input_layouts().size()) desc.layout = kernel.input_layouts()[i];
      LATHE_ASSIGN(std::byte * memory, trial.allocate(desc));
      trial.inputs_.push_back(memory);
      // Constants are reordered once.
      if (request.constants[i] == nullptr) LATHE_TRY(trial.add_reorder(desc, from, memory, true));
    }
    for (size_t i = 0; i < request.outputs.size(); ++i) {
      TensorDesc desc = request.outputs[i];
      const auto layout_of = [&](const Kernel& each) {
        return i < each.output_layouts().size() ? each.output_layouts()[i] : Layout{};
      };
      desc.layout = layout_of(kernel);
      const int base = i == 0 ? kernel.in_place_input() : -1;
      if (base >= 0 && kernel.in_place_required())
        trial.outputs_.push_back(const_cast<std::byte*>(trial.inputs_[static_cast<size_t>(base)]));
      else {
        LATHE_ASSIGN(std::byte * memory, trial.allocate(desc));
        trial.outputs_.push_back(memory);
      }
      // What follows expects what the kernel would give that rules choose.
      LATHE_TRY(trial.add_reorder(desc, layout_of(by_rule), trial.outputs_.back(), false));
    }
    LATHE_ASSIGN(trial.scratch_, Buffer::allocate(kernel.scratch_bytes()));
    return trial;
  }

  /// Nanoseconds.
  Result<int64_t> run() {
    const int64_t begin = now_ns();
    for (Reorder& each : reorders_)
      if (each.before) LATHE_TRY(each.run());
    LATHE_TRY(kernel_->run({inputs_, outputs_, scratch_.mutable_data()}));
    for (Reorder& each : reorders_)
      if (!each.before) LATHE_TRY(each.run());
    return now_ns() - begin;
  }

 private:
  struct Reorder {
    std::unique_ptr<Kernel> kernel;
    const std::byte* from;
    std::byte* to;
    bool before;
    Buffer scratch;
    Status run() { return kernel->run({std::span(&from, 1), std::span(&to, 1), scratch.mutable_data()}); }
  };

  Result<std::byte*> allocate(const TensorDesc& desc) {
    LATHE_ASSIGN(Buffer buffer, Buffer::allocate(desc.bytes()));
    fill(buffer, desc.type);
    memory_.push_back(std::move(buffer));
    return memory_.back().mutable_data();
  }

  /// Between `memory`, laid out as `desc` has it, and memory in another layout, where that is another.
  Status add_reorder(const TensorDesc& desc, const Layout& other, std::byte* memory, bool before) {
    if (desc.layout == other) return {};
    TensorDesc elsewhere = desc;
    elsewhere.layout = other;
    LATHE_ASSIGN(std::byte * there, allocate(elsewhere));
    Reorder made;
    made.before = before;
    made.from = before ? there : memory;
    made.to = before ? memory : there;
    LATHE_ASSIGN(made.kernel, make_reorder(desc.type, desc.shape, before ? other : desc.layout,
                                           before ? desc.layout : other));
    LATHE_ASSIGN(made.scratch, Buffer::allocate(made.kernel->scratch_bytes()));
    reorders_.push_back(std::move(made));
    return {};
  }

  Kernel* kernel_ = nullptr;
  std::vector<Buffer> memory_;
  std::vector<const std::byte*> inputs_;
  std::vector<std::byte*> outputs_;
  std::vector<Reorder> reorders_;
  Buffer scratch_;
};

/// Taking turns, because the machine has its own moods; the shortest run is the one nothing disturbed.
Result<size_t> measure(const KernelRequest& request, std::span<const std::unique_ptr<Kernel>> kernels) {
  constexpr int most_rounds = 12;
  constexpr int64_t enough_ns = 40'000'000;
  std::vector<Trial> trials;
  for (const auto& kernel : kernels) {
    LATHE_ASSIGN(Trial trial, Trial::make(request, *kernel, *kernels.front()));
    if (const auto warm = trial.run(); !warm.ok()) return warm.error();
    trials.push_back(std::move(trial));
  }
  std::vector<int64_t> shortest(trials.size(), std::numeric_limits<int64_t>::max());
  const int64_t begin = now_ns();
  for (int round = 0; round < most_rounds && now_ns() - begin < enough_ns; ++round)
    for (size_t i = 0; i < trials.size(); ++i) {
      LATHE_ASSIGN(const int64_t ns, trials[i].run());
      shortest[i] = std::min(shortest[i], ns);
    }
  return static_cast<size_t>(std::min_element(shortest.begin(), shortest.end()) - shortest.begin());
}

std::string text_of(const AttributeValue& value) {
  const auto list = [](const auto& numbers) {
    std::string text;
    for (const auto number : numbers) text += std::to_string(number) + ",";
    return text;
  };
  if (const auto* number = std::get_if<int64_t>(&value)) return std::to_string(*number);
  if (const auto* number = std::get_if<float>(&value)) return std::to_string(*number);
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  if (const auto* numbers = std::get_if<std::vector<int64_t>>(&value)) return list(*numbers);
  if (const auto* numbers = std::get_if<std::vector<float>>(&value)) return list(*numbers);
  return "";
}

std::string text_of(const TensorDesc& desc) {
  if (!desc.present()) return "-";
  const std::string layout =
      desc.layout.plain() ? "" : "/" + std::to_string(std::hash<std::string>()(desc.layout.descriptor));
  return std::string(to_string(desc.type)) + "[" + to_string(desc.shape) + layout + "]";
}

/// All of a node that its time depends on; names, weights and biases do not matter.
std::string text_of(const KernelRequest& request) {
  std::string text = request.node->qualified_type();
  for (const auto& [name, value] : request.node->attributes.all()) text += " " + name + "=" + text_of(value);
  for (size_t i = 0; i < request.inputs.size(); ++i)
    text += " " + text_of(request.inputs[i]) + (request.constants[i] != nullptr ? "=" : "");
  text += " ->";
  for (const TensorDesc& output : request.outputs) text += " " + text_of(output);
  return text;
}

std::shared_ptr<Tuner>& current() {
  static std::shared_ptr<Tuner> tuner;
  return tuner;
}

}  // namespace

Tuner::Tuner(std::string machine, std::filesystem::path file)
    : machine_(std::move(machine)), file_(std::move(file)) {
  choices_ = read_file_of_choices()[machine_];
}

std::map<std::string, Tuner::Choices> Tuner::read_file_of_choices() const {
  const auto text = read_file(file_);
  if (!text.ok()) return {};
  const auto json = nlohmann::json::parse(*text, nullptr, false);
  std::map<std::string, Choices> found;
  if (!json.is_object()) return found;
  for (const auto& [machine, nodes] : json.items()) {
    if (!nodes.is_object()) continue;
    for (const auto& [node, kernel] : nodes.items())
      if (kernel.is_string()) found[machine][node] = kernel.get<std::string>();
  }
  return found;
}

Result<size_t> Tuner::fastest(const KernelRequest& request,
                              std::span<const std::unique_ptr<Kernel>> kernels) {
  const auto fits = [](const TensorDesc& desc) { return !desc.present() || fillable(desc.type); };
  for (size_t i = 0; i < request.inputs.size(); ++i)
    if (request.constants[i] == nullptr && !fits(request.inputs[i])) return size_t{0};
  if (kernels.size() < 2) return size_t{0};
  std::string& chosen = choices_[text_of(request)];
  for (size_t i = 0; i < kernels.size(); ++i)
    if (kernels[i]->name() == chosen) return i;
  LATHE_ASSIGN(const size_t best, measure(request, kernels));
  chosen = kernels[best]->name();
  ++measured_;
  return best;
}

Status Tuner::save() {
  if (file_.empty() || measured_ == saved_) return {};
  auto all = read_file_of_choices();
  for (const auto& [node, kernel] : choices_) all[machine_][node] = kernel;
  std::error_code ignored;
  std::filesystem::create_directories(file_.parent_path(), ignored);
  LATHE_TRY(write_file_atomic(
      file_, nlohmann::json(all).dump(1, ' ', false, nlohmann::json::error_handler_t::replace)));
  saved_ = measured_;
  return {};
}

void set_tuner(std::shared_ptr<Tuner> tuner) {
  current() = std::move(tuner);
}

const std::shared_ptr<Tuner>& tuner() {
  return current();
}

}  // namespace lathe
