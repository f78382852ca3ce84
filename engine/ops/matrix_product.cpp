// SPDX-License-Identifier: Apache-2.0
#include "engine/ops/matrix_product.h"

#include <Eigen/Core>
#include <algorithm>

namespace lathe {
namespace {

template <class A>
using RowMajor = Eigen::Matrix<A, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
template <class A>
using ConstMap = Eigen::Map<const RowMajor<A>, 0, Eigen::OuterStride<>>;
template <class A>
using MutableMap = Eigen::Map<RowMajor<A>, 0, Eigen::OuterStride<>>;

}  // namespace

template <class A>
void multiply(const MatrixProduct<A>& p) {
  if (p.m == 0 || p.n == 0) return;
  MutableMap<A> c(p.c, p.m, p.n, Eigen::OuterStride<>(p.c_stride));
  if (!p.accumulate) c.setZero();
  if (p.k == 0) return;
  const ConstMap<A> a(p.a, p.a_transposed ? p.k : p.m, p.a_transposed ? p.m : p.k,
                      Eigen::OuterStride<>(p.a_stride));
  const ConstMap<A> b(p.b, p.b_transposed ? p.n : p.k, p.b_transposed ? p.k : p.n,
                      Eigen::OuterStride<>(p.b_stride));
  if (p.a_transposed && p.b_transposed)
    c.noalias() += a.transpose() * b.transpose();
  else if (p.a_transposed)
    c.noalias() += a.transpose() * b;
  else if (p.b_transposed)
    c.noalias() += a * b.transpose();
  else
    c.noalias() += a * b;
}

template void multiply(const MatrixProduct<float>&);
template void multiply(const MatrixProduct<double>&);
template void multiply(const MatrixProduct<uint32_t>&);
template void multiply(const MatrixProduct<uint64_t>&);

}  // namespace lathe
