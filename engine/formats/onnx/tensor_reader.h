// SPDX-License-Identifier: Apache-2.0
// TensorProto -> Tensor, from every place ONNX lets the elements be.
#pragma once

#include <memory>
#include <span>

#include "engine/base/result.h"
#include "engine/formats/onnx/external_data.h"
#include "engine/formats/onnx/lathe_onnx.pb.h"
#include "engine/tensor/tensor.h"

namespace lathe {

class TensorReader {
 public:
  /// `owner` keeps lifted raw data alive; `files` serves external data and outlives the reader. `mapped`:
  /// lifted data lies in a mapped file, so its pages can be given back once copied.
  TensorReader(std::shared_ptr<const void> owner, ExternalFiles& files, bool mapped)
      : owner_(std::move(owner)), files_(files), mapped_(mapped) {}

  /// May take the raw data out of `proto`. `lifted`: raw data that was left in the file (see wire.h).
  /// Elements are used in place where their alignment allows. Errors have no `where`: the caller knows the
  /// name.
  Result<Tensor> read(onnx::TensorProto& proto, std::span<const std::byte> lifted = {}) const;
  /// Dense; refused above `sparse_limit` bytes.
  Result<Tensor> read_sparse(onnx::SparseTensorProto& proto) const;

  static constexpr int64_t sparse_limit = int64_t{1} << 30;

 private:
  Result<Tensor> from_external(const onnx::TensorProto& proto, ElementType type, Shape shape) const;

  std::shared_ptr<const void> owner_;
  ExternalFiles& files_;
  bool mapped_;
};

}  // namespace lathe
