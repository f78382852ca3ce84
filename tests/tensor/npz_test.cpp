// SPDX-License-Identifier: Apache-2.0
#include "engine/tensor/npz.h"

#include <cstring>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zip.h>

#include "engine/base/files.h"
#include "tests/file_size_limit.h"
#include "tests/temporary_folder.h"

namespace lathe {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// An .npy file by hand.
std::string npy(const std::string& header, const std::string& elements, char version = 1) {
  std::string text = header + "\n";
  std::string out = "\x93NUMPY" + std::string(1, version) + std::string(1, '\0');
  out += static_cast<char>(text.size() & 0xff);
  out += static_cast<char>(text.size() >> 8);
  if (version > 1) out += std::string(2, '\0');
  return out + text + elements;
}
std::string header(const std::string& descr, const std::string& shape, bool fortran = false) {
  return "{'descr': '" + descr + "', 'fortran_order': " + (fortran ? "True" : "False") +
         ", 'shape': " + shape + ", }";
}
Result<Tensor> read(const std::string& file, std::optional<ElementType> declared = std::nullopt) {
  return read_npy(std::as_bytes(std::span(file)), "x.npy", declared);
}
std::string error_of(const std::string& file, std::optional<ElementType> declared = std::nullopt) {
  const auto tensor = read(file, declared);
  return tensor.ok() ? "no error" : tensor.error().text();
}
std::string bytes(std::initializer_list<int> values) {
  std::string out;
  for (const int value : values) out += static_cast<char>(value);
  return out;
}

template <class T>
std::vector<T> elements(const Tensor& tensor) {
  return {tensor.data<T>().begin(), tensor.data<T>().end()};
}

TEST(Npy, ReadsWhatNumpyWrites) {
  const Tensor tensor =
      read(npy(header("<i2", "(2, 3)"), bytes({1, 0, 2, 0, 3, 0, 4, 0, 255, 255, 0, 1}))).value();
  EXPECT_EQ(tensor.type(), ElementType::i16);
  EXPECT_EQ(tensor.shape(), (Shape{2, 3}));
  EXPECT_THAT(elements<int16_t>(tensor), ElementsAre(1, 2, 3, 4, -1, 256));
}

TEST(Npy, ReadsLaterVersionsAndOddSpacing) {
  EXPECT_EQ(read(npy(header("|u1", "(1,)"), "a", 2)).value().shape(), Shape{1});
  EXPECT_EQ(read(npy(header("|u1", "(1,)"), "a", 3)).value().shape(), Shape{1});
  EXPECT_EQ(read(npy("{ \"shape\":(2L,),'descr' :'|u1','fortran_order':False }", "ab")).value().shape(),
            Shape{2});
  EXPECT_TRUE(read(npy(header("|u1", "()"), "a")).value().shape().empty());
}

TEST(Npy, SwapsBigEndian) {
  EXPECT_THAT(
      elements<int32_t>(read(npy(header(">i4", "(2,)"), bytes({0, 0, 1, 2, 255, 255, 255, 254}))).value()),
      ElementsAre(258, -2));
  const Tensor complex = read(npy(header(">c8", "(1,)"), bytes({0x3f, 0x80, 0, 0, 0x40, 0, 0, 0}))).value();
  EXPECT_EQ(complex.data<std::complex<float>>()[0], std::complex<float>(1, 2));
}

TEST(Npy, TurnsFortranOrderAround) {
  const Tensor tensor =
      read(npy(header("|u1", "(2, 3, 2)", true), bytes({0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}))).value();
  EXPECT_THAT(elements<uint8_t>(tensor), ElementsAre(0, 6, 2, 8, 4, 10, 1, 7, 3, 9, 5, 11));
  EXPECT_TRUE(read(npy(header("|u1", "(0, 3)", true), "")).ok());
}

TEST(Npy, RawBytesTakeTheDeclaredType) {
  EXPECT_EQ(read(npy(header("<V2", "(1,)"), "ab")).value().type(), ElementType::bf16);
  EXPECT_EQ(read(npy(header("|V2", "(1,)"), "ab"), ElementType::bf16).value().type(), ElementType::bf16);
  EXPECT_EQ(read(npy(header("|V1", "(1,)"), "a"), ElementType::f8e4m3fn).value().type(),
            ElementType::f8e4m3fn);
  const Tensor i4 = read(npy(header("|V1", "(3,)"), bytes({0x0f, 0x07, 0xf8})), ElementType::i4).value();
  EXPECT_THAT(i4.to_int64(), ElementsAre(-1, 7, -8));
  const Tensor u4 = read(npy(header("|V1", "(1,)"), bytes({0xff})), ElementType::u4).value();
  EXPECT_THAT(u4.to_int64(), ElementsAre(15));
  EXPECT_THAT(error_of(npy(header("|V1", "(1,)"), "a")), HasSubstr("not known"));
  EXPECT_THAT(error_of(npy(header("|V1", "(1,)"), "a"), ElementType::f32), HasSubstr("f32"));
  EXPECT_THAT(error_of(npy(header("|V7", "(1,)"), "abcdefg")), HasSubstr("7 bytes"));
}

TEST(Npy, DeclaredTypeDoesNotChangeOrdinaryArrays) {
  EXPECT_EQ(read(npy(header("|u1", "(1,)"), "a"), ElementType::f32).value().type(), ElementType::u8);
}

TEST(Npy, BoolIsZeroOrOne) {
  const Tensor tensor = read(npy(header("|b1", "(3,)"), bytes({0, 1, 77}))).value();
  EXPECT_THAT(elements<uint8_t>(tensor), ElementsAre(0, 1, 1));
}

TEST(Npy, ReadsText) {
  const Tensor text =
      read(npy(header("<U2", "(2,)"), bytes({'a', 0, 0, 0, 0, 0, 0, 0, 0xe4, 0, 0, 0, 0x00, 0xf6, 1, 0})))
          .value();
  EXPECT_THAT(text.strings(), ElementsAre("a", "\xc3\xa4\xf0\x9f\x98\x80"));
  EXPECT_THAT(read(npy(header(">U1", "(1,)"), bytes({0, 0, 0, 'b'}))).value().strings(), ElementsAre("b"));
  EXPECT_THAT(read(npy(header("|S3", "(2,)"), std::string("ab\0xyz", 6))).value().strings(),
              ElementsAre("ab", "xyz"));
  EXPECT_THAT(read(npy(header("|S1", "(2, 2)", true), "abcd")).value().strings(),
              ElementsAre("a", "c", "b", "d"));
  EXPECT_THAT(error_of(npy(header("<U1", "(1,)"), bytes({0, 0xd8, 0, 0}))), HasSubstr("element 0"));
  EXPECT_THAT(error_of(npy(header("<U1", "(1,)"), bytes({0, 0, 0, 0x7f}))), HasSubstr("Unicode"));
}

TEST(Npy, RefusesWhatItCannotHold) {
  EXPECT_THAT(error_of(npy(header("|O", "(1,)"), "")), HasSubstr("Python objects"));
  EXPECT_THAT(error_of(npy("{'descr': [('a', '<i4')], 'fortran_order': False, 'shape': (1,)}", "")),
              HasSubstr("structures"));
  EXPECT_THAT(error_of(npy(header("<f16", "(1,)"), std::string(16, '\0'))), HasSubstr("f16"));
  EXPECT_THAT(error_of(npy(header("<M8[ns]", "(1,)"), std::string(8, '\0'))), HasSubstr("M8"));
  EXPECT_THAT(error_of(npy(header("", "(1,)"), "")), HasSubstr("element type"));
}

TEST(Npy, NamesWhatIsDamaged) {
  const std::string good = npy(header("<f4", "(4,)"), std::string(16, 'x'));
  EXPECT_THAT(error_of(""), HasSubstr("x.npy"));
  EXPECT_THAT(error_of("hello world, this is text"), HasSubstr("not a NumPy array"));
  EXPECT_THAT(error_of(good.substr(0, good.size() - 1)),
              HasSubstr("15 bytes of elements, its shape wants 16"));
  for (size_t length = 0; length < good.size(); ++length)
    EXPECT_FALSE(read(good.substr(0, length)).ok()) << length;
  EXPECT_THAT(error_of(npy(header("<f4", "(-1,)"), "")), HasSubstr("tuple"));
  EXPECT_THAT(error_of(npy("{'descr': '<f4', 'shape': (1,)}", "abcd")), HasSubstr("lacks"));
  EXPECT_THAT(error_of(npy("{'descr': '<f4', 'extra': True, 'shape': (1,)}", "abcd")), HasSubstr("extra"));
  EXPECT_THAT(error_of(npy(header("<f4", "(1,)"), "abcd", 9)), HasSubstr("version 9"));
}

TEST(Npy, HugeShapesAreRefusedBeforeMemoryIsTaken) {
  EXPECT_THAT(error_of(npy(header("<f8", "(9223372036854775807, 2)"), "")), HasSubstr("too large"));
  EXPECT_THAT(error_of(npy(header("<f8", "(1000000000000,)"), "")),
              HasSubstr("its shape wants 8000000000000"));
  EXPECT_THAT(error_of(npy(header("<U0", "(1000000000000,)"), "")), HasSubstr("no size"));
}

TEST(Npy, EveryTypeSurvivesWriting) {
  const TemporaryFolder folder;
  for (int number = 1; number <= static_cast<int>(ElementType::i2); ++number) {
    const auto type = static_cast<ElementType>(number);
    Tensor tensor = Tensor::of_strings({2, 1}, {"", "gr\xc3\xbc\xc3\x9f"});
    if (type != ElementType::string) {
      tensor = Tensor::allocate(type, {2, 1}).value();
      std::fill_n(tensor.mutable_raw(), tensor.bytes(), std::byte{1});
    }
    ASSERT_TRUE(write_npy(folder / "t.npy", tensor).ok()) << to_string(type);
    const auto back = read_npy(folder / "t.npy", type);
    ASSERT_TRUE(back.ok()) << back.error().text();
    EXPECT_EQ(back->type(), type);
    EXPECT_EQ(back->shape(), tensor.shape());
    if (type == ElementType::string)
      EXPECT_EQ(back->strings(), tensor.strings());
    else
      EXPECT_EQ(std::memcmp(back->raw(), tensor.raw(), tensor.bytes()), 0) << to_string(type);
  }
}

TEST(Npz, ArraysComeBackUnderTheirNames) {
  const TemporaryFolder folder;
  const NamedTensors arrays = {{"img", Tensor::from<float>({2, 2}, {1, 2, 3, 4})},
                               {"/model/layers.0/out:0", Tensor::scalar<int64_t>(-5)},
                               {"\xc3\xa4.npy", Tensor::from<bool>({1}, {true})},
                               {"empty", Tensor::from<float>({0, 3}, {})}};
  ASSERT_TRUE(write_npz(folder / "a.npz", arrays).ok());
  EXPECT_EQ(folder.entry_count(), 1u);
  const auto back = read_npz(folder / "a.npz");
  ASSERT_TRUE(back.ok()) << back.error().text();
  ASSERT_EQ(back->size(), arrays.size());
  for (const auto& [name, tensor] : arrays) {
    ASSERT_TRUE(back->contains(name)) << name;
    EXPECT_EQ(back->at(name).shape(), tensor.shape());
  }
  EXPECT_THAT(elements<float>(back->at("img")), ElementsAre(1, 2, 3, 4));
}

TEST(Npz, SameArraysGiveTheSameBytes) {
  const TemporaryFolder folder;
  const NamedTensors arrays = {{"a", Tensor::scalar<float>(1)}};
  ASSERT_TRUE(write_npz(folder / "a.npz", arrays).ok());
  ASSERT_TRUE(write_npz(folder / "b.npz", arrays).ok());
  EXPECT_EQ(read_file(folder / "a.npz").value(), read_file(folder / "b.npz").value());
}

TEST(Npz, EmptyArchiveIsFine) {
  const TemporaryFolder folder;
  ASSERT_TRUE(write_npz(folder / "a.npz", {}).ok());
  const auto back = read_npz(folder / "a.npz");
  ASSERT_TRUE(back.ok()) << back.error().text();
  EXPECT_TRUE(back->empty());
}

TEST(Npz, FailedWriteKeepsTheOldFile) {
  const TemporaryFolder folder;
  ASSERT_TRUE(write_npz(folder / "a.npz", {{"old", Tensor::scalar<float>(1)}}).ok());
  const Tensor large = Tensor::allocate(ElementType::u8, {100000}).value();
  {
    const FileSizeLimit full(2000);
    const Status written = write_npz(folder / "a.npz", {{"new", large}});
    ASSERT_FALSE(written.ok());
    EXPECT_THAT(written.error().text(), HasSubstr("a.npz"));
  }
  EXPECT_TRUE(read_npz(folder / "a.npz").value().contains("old"));
  EXPECT_EQ(folder.entry_count(), 1u);
  EXPECT_FALSE(write_npz(folder / "no/such/a.npz", {{"a", large}}).ok());
}

TEST(Npz, UnwritableTensorIsNamed) {
  const TemporaryFolder folder;
  const Status written = write_npz(folder / "a.npz", {{"names", Tensor::of_strings({1}, {"\xff"})}});
  ASSERT_FALSE(written.ok());
  EXPECT_THAT(written.error().text(), HasSubstr("'names': element 0"));
  EXPECT_EQ(folder.entry_count(), 0u);
}

/// Entries stored as they are, deflated.
void write_zip(const std::filesystem::path& path,
               const std::vector<std::pair<std::string, std::string>>& entries) {
  zip_t* archive = zip_open(path.c_str(), ZIP_CREATE | ZIP_TRUNCATE, nullptr);
  ASSERT_NE(archive, nullptr);
  for (const auto& [name, content] : entries) {
    zip_source_t* source = zip_source_buffer(archive, content.data(), content.size(), 0);
    const auto index = zip_file_add(archive, name.c_str(), source, ZIP_FL_ENC_UTF_8);
    ASSERT_GE(index, 0);
    zip_set_file_compression(archive, static_cast<zip_uint64_t>(index), ZIP_CM_DEFLATE, 9);
  }
  ASSERT_EQ(zip_close(archive), 0);
}

TEST(Npz, ReadsDeflatedArraysAndSkipsFolders) {
  const TemporaryFolder folder;
  write_zip(folder / "a.npz",
            {{"sub/", ""}, {"sub/x.npy", npy(header("<f4", "(1000,)"), std::string(4000, '\0'))}});
  const auto arrays = read_npz(folder / "a.npz");
  ASSERT_TRUE(arrays.ok()) << arrays.error().text();
  EXPECT_EQ(arrays->at("sub/x").count(), 1000);
}

TEST(Npz, ErrorsNameFileAndArray) {
  const TemporaryFolder folder;
  write_zip(folder / "a.npz", {{"x.npy", "nonsense"}});
  EXPECT_THAT(read_npz(folder / "a.npz").error().text(), HasSubstr("a.npz: array 'x': is not a NumPy array"));
  write_zip(folder / "a.npz", {{"x.npy", npy(header("<f4", "(9,)"), "short")}});
  EXPECT_THAT(read_npz(folder / "a.npz").error().text(), HasSubstr("holds 5 bytes"));
  write_zip(folder / "a.npz",
            {{"x.npy", npy(header("|u1", "(1,)"), "a")}, {"x", npy(header("|u1", "(1,)"), "a")}});
  EXPECT_THAT(read_npz(folder / "a.npz").error().text(), HasSubstr("twice"));
  EXPECT_THAT(read_npz(folder.write("b.npz", "no zip")).error().text(), HasSubstr("not a whole .npz"));
  EXPECT_FALSE(read_npz(folder / "missing.npz").ok());
  EXPECT_FALSE(read_npz(folder.path()).ok());
}

TEST(Npz, BombsAreRefused) {
  const TemporaryFolder folder;
  write_zip(folder / "a.npz", {{"x.npy", npy(header("|u1", "(5000000,)"), std::string(5000000, '\0'))}});
  NpzLimits limits;
  limits.bytes = 1000000;
  const auto refused = read_npz(folder / "a.npz", {}, limits);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().kind, ErrorKind::resource);
  EXPECT_THAT(refused.error().text(), HasSubstr("array 'x'"));
  EXPECT_TRUE(read_npz(folder / "a.npz").ok());
  limits = {};
  limits.entries = 0;
  EXPECT_EQ(read_npz(folder / "a.npz", {}, limits).error().kind, ErrorKind::resource);
}

TEST(Npz, DamageNeverCrashes) {
  const TemporaryFolder folder;
  ASSERT_TRUE(write_npz(folder / "a.npz", {{"x", Tensor::from<float>({4}, {1, 2, 3, 4})}}).ok());
  const std::string good = read_file(folder / "a.npz").value();
  for (size_t length = 0; length < good.size(); ++length)
    EXPECT_FALSE(read_npz(folder.write("cut.npz", good.substr(0, length))).ok()) << length;
  for (size_t at = 0; at < good.size(); ++at) {
    std::string damaged = good;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x55);
    [[maybe_unused]] const auto read_or_refused = read_npz(folder.write("flip.npz", damaged));
  }
}

TEST(Npz, ReadsNumpysOwnFile) {
  const auto arrays = read_npz(LATHE_SOURCE_DIR "/resources/examples/digits_resnet/digits_eval.npz");
  ASSERT_TRUE(arrays.ok()) << arrays.error().text();
  EXPECT_EQ(arrays->at("input").shape(), (Shape{500, 1, 32, 32}));
  EXPECT_EQ(arrays->at("input").type(), ElementType::f32);
  EXPECT_EQ(arrays->at("label").type(), ElementType::i64);
}

}  // namespace
}  // namespace lathe
