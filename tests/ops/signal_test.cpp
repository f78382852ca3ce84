// SPDX-License-Identifier: Apache-2.0
// Expected values were computed with NumPy.
#include "engine/ops/fourier.h"
#include "tests/ops/c_run_node.h"

namespace lathe::test {
namespace {

Node dft(int64_t inverse, int64_t onesided) {
  Node node = make_node("DFT", 20);
  node.attributes.set("inverse", inverse);
  node.attributes.set("onesided", onesided);
  return node;
}

TEST(Dft, OneSidedSpectrumOfSevenNumbers) {
  const auto y = run_node(dft(0, 1), {Tensor::from<double>({7, 1}, {1, 2, -3, 0.5, 4, 1.5, -2})});
  ASSERT_TRUE(y.ok()) << y.error().text();
  expect_near((*y)[0].tensor,
              Tensor::from<double>(
                  {4, 2}, {4, 0, -2.7205785, 2.77844276, 5.15715741, -8.58859866, -0.93657891, -1.84152893}),
              1e-7);
}

TEST(Dft, InverseOfAHalfSpectrumIsReal) {
  const Tensor half = Tensor::from<float>({3, 2}, {3, 1, 1, -2, 0.5f, 0.25f});
  const auto even = run_node(dft(1, 1), {half});
  ASSERT_TRUE(even.ok()) << even.error().text();
  expect_near((*even)[0].tensor, Tensor::from<float>({4, 1}, {1.375f, 1.625f, 0.375f, -0.375f}), 1e-6);
  const auto odd = run_node(dft(1, 1), {half, Tensor::scalar<int64_t>(5)});
  ASSERT_TRUE(odd.ok()) << odd.error().text();
  expect_near((*odd)[0].tensor,
              Tensor::from<float>({5, 1}, {1.2f, 1.26387009f, 0.90353045f, -0.22713725f, -0.14026329f}),
              1e-6);
  EXPECT_FALSE(run_node(dft(1, 1), {noise({3, 1})}).ok());
  EXPECT_FALSE(run_node(dft(0, 1), {noise({3, 2})}).ok());
}

TEST(Dft, PadsCutsAndTakesAnyAxisButTheLast) {
  const Tensor axis = Tensor::scalar<int64_t>(0);
  const auto padded =
      run_node(dft(0, 0), {Tensor::from<float>({2, 1, 1}, {1, 2}), Tensor::scalar<int64_t>(3), axis});
  ASSERT_TRUE(padded.ok()) << padded.error().text();
  expect_near((*padded)[0].tensor, Tensor::from<float>({3, 1, 2}, {3, 0, 0, -1.73205081f, 0, 1.73205081f}),
              1e-6);
  EXPECT_FALSE(run_node(dft(0, 0), {noise({2, 2}), Tensor(), Tensor::scalar<int64_t>(-1)}).ok());
}

TEST(FourierTransform, InverseUndoesForwardForAnyLength) {
  for (const int64_t length : {1, 2, 3, 8, 97, 400, 1009}) {
    FourierTransform transform(length);
    const Tensor x = noise({length, 2});
    std::vector<std::complex<double>> line;
    for (int64_t i = 0; i < length; ++i)
      line.emplace_back(x.data<float>()[static_cast<size_t>(2 * i)],
                        x.data<float>()[static_cast<size_t>(2 * i + 1)]);
    const auto before = line;
    transform.forward(line.data());
    std::complex<double> sum;
    for (const auto& element : before) sum += element;
    EXPECT_LT(std::abs(line[0] - sum), 1e-10) << length;
    transform.inverse(line.data());
    for (size_t i = 0; i < line.size(); ++i) ASSERT_LT(std::abs(line[i] - before[i]), 1e-12) << length;
  }
}

}  // namespace
}  // namespace lathe::test
