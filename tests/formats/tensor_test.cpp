// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include "tests/formats/make_model.h"

namespace lathe {
namespace {

using testing::HasSubstr;

/// The initializer whose TensorProto text this is.
Tensor read(const std::string& tensor) {
  const auto model = import_good(model_bytes("initializer { name: 't' " + tensor + " }"));
  const auto value = model->graph.find_value("t");
  return value ? model->graph.value(*value).constant : Tensor();
}

std::string error_of(const std::string& tensor) {
  return import_error(model_bytes("initializer { name: 't' " + tensor + " }"));
}

TEST(TensorProto, TypedFields) {
  EXPECT_EQ(read("dims: 2 data_type: 1 float_data: [1.5, -2]").to_double(), (std::vector<double>{1.5, -2}));
  EXPECT_EQ(read("dims: 1 data_type: 11 double_data: 0.1").to_double(), std::vector<double>{0.1});
  EXPECT_EQ(read("dims: 1 data_type: 7 int64_data: -9000000000").to_int64(),
            std::vector<int64_t>{-9000000000});
  EXPECT_EQ(read("data_type: 12 uint64_data: 4000000000").to_int64(), std::vector<int64_t>{4000000000});
  EXPECT_EQ(read("dims: 1 data_type: 10 int32_data: 15360").to_double(), std::vector<double>{1}) << "f16";
  EXPECT_EQ(read("dims: 1 data_type: 16 int32_data: 16256").to_double(), std::vector<double>{1}) << "bf16";
  EXPECT_EQ(read("dims: 2 data_type: 9 int32_data: [1, 0]").to_int64(), (std::vector<int64_t>{1, 0}));
  EXPECT_EQ(read("dims: 2 data_type: 3 int32_data: [-1, 7]").to_int64(), (std::vector<int64_t>{-1, 7}));
  EXPECT_EQ(read("dims: 2 data_type: 8 string_data: ['a', 'b']").strings()[1], "b");
  EXPECT_EQ(read("dims: 1 data_type: 14 float_data: [1, 2]").data<std::complex<float>>()[0],
            std::complex<float>(1, 2));
  EXPECT_EQ(read("dims: 0 data_type: 1").shape(), Shape{0});
}

TEST(TensorProto, RawData) {
  EXPECT_EQ(read("dims: 2 data_type: 5 raw_data: '\\001\\000\\377\\377'").to_int64(),
            (std::vector<int64_t>{1, -1}));
  const Tensor flags = read("dims: 2 data_type: 9 raw_data: '\\007\\000'");
  EXPECT_EQ(flags.raw()[0], std::byte{1}) << "any byte but 0 is true, and true is 1";
}

TEST(TensorProto, SmallElementsAreUnpackedLowBitsFirst) {
  EXPECT_EQ(read("dims: 3 data_type: 22 raw_data: '\\x2f\\x08'").to_int64(),
            (std::vector<int64_t>{-1, 2, -8}))
      << "i4";
  EXPECT_EQ(read("dims: 3 data_type: 21 int32_data: [47, 8]").to_int64(), (std::vector<int64_t>{15, 2, 8}))
      << "u4";
  EXPECT_EQ(read("dims: 5 data_type: 25 raw_data: '\\xe4\\x02'").to_int64(),
            (std::vector<int64_t>{0, 1, 2, 3, 2}))
      << "u2";
  EXPECT_EQ(read("dims: 4 data_type: 26 raw_data: '\\xe4'").to_int64(), (std::vector<int64_t>{0, 1, -2, -1}))
      << "i2";
}

TEST(TensorProto, BadOnesAreRefused) {
  EXPECT_THAT(error_of("dims: 2 data_type: 1 raw_data: 'abc'"),
              HasSubstr("its raw data has 3 bytes, its shape 2 needs 8"));
  EXPECT_THAT(error_of("dims: -1 data_type: 1"), HasSubstr("its shape -1 is impossible"));
  EXPECT_THAT(error_of("dims: 4611686018427387904 dims: 8 data_type: 1"), HasSubstr("is impossible"));
  EXPECT_THAT(error_of("dims: 1000000000000 data_type: 1 float_data: 1"),
              HasSubstr("more elements than the file holds"));
  EXPECT_THAT(error_of("dims: 1 data_type: 99"), HasSubstr("element type 99 is not known"));
  EXPECT_THAT(error_of("dims: 1 data_type: 1"), HasSubstr("it has no data"));
}

TEST(TensorProto, BigRawDataIsUsedInPlaceWhenAligned) {
  const std::string raw(8192, '\1');
  onnx::ModelProto proto;
  proto.set_ir_version(8);
  auto& tensor = *proto.mutable_graph()->add_initializer();
  tensor.set_name("w");
  tensor.add_dims(8192);
  tensor.set_data_type(3);
  tensor.set_raw_data(raw);
  const TemporaryFolder folder;
  const size_t before = allocated_buffer_bytes();
  const auto imported = import_onnx(folder.write("m.onnx", proto.SerializeAsString()));
  ASSERT_TRUE(imported.ok()) << imported.error().text();
  const auto& model = *imported;
  EXPECT_LT(allocated_buffer_bytes(), before + 8192) << "bytes are always aligned, so none are copied";
  const Tensor& read_back = model->graph.value(*model->graph.find_value("w")).constant;
  EXPECT_EQ(read_back.count(), 8192);
  EXPECT_EQ(read_back.to_int64()[8191], 1);
}

std::string sparse(const std::string& indices, const std::string& dims = "dims: [2, 3]") {
  return model_bytes("sparse_initializer { " + dims +
                     " values { name: 's' dims: 2 data_type: 1 float_data: [5, 6] } indices { data_type: 7 " +
                     indices + " } }");
}

TEST(SparseTensor, BecomesDense) {
  for (const std::string indices : {"dims: 2 int64_data: [1, 5]", "dims: [2, 2] int64_data: [0, 1, 1, 2]"}) {
    const auto model = import_good(sparse(indices));
    EXPECT_EQ(model->graph.constant(*model->graph.find_value("s"))->to_double(),
              (std::vector<double>{0, 5, 0, 0, 0, 6}));
  }
  EXPECT_THAT(import_error(sparse("dims: 2 int64_data: [1, 6]")),
              HasSubstr("index 1 of the sparse tensor is out of range"));
  EXPECT_THAT(import_error(sparse("dims: 2 int64_data: [1, 6]", "dims: [100000, 100000]")),
              HasSubstr("too large to make dense"));
}

TEST(TestData, ReadsTensorsSequencesAndOptionals) {
  const TemporaryFolder folder;
  onnx::TensorProto tensor;
  tensor.set_data_type(7);
  tensor.add_int64_data(3);
  const auto plain =
      read_tensor_proto(folder.write("t.pb", tensor.SerializeAsString()), TypeInfo::tensor(ElementType::i64));
  ASSERT_TRUE(plain.ok()) << plain.error().text();
  EXPECT_EQ(plain->tensor.to_int64(), std::vector<int64_t>{3});

  onnx::SequenceProto sequence;
  sequence.set_elem_type(1);
  *sequence.add_tensor_values() = tensor;
  const TypeInfo sequence_type = TypeInfo::sequence_of(TypeInfo::tensor(ElementType::i64));
  const auto list = read_tensor_proto(folder.write("s.pb", sequence.SerializeAsString()), sequence_type);
  ASSERT_TRUE(list.ok());
  EXPECT_EQ(list->sequence->size(), 1u);
  const auto empty = read_tensor_proto(folder.write("e.pb", ""), sequence_type);
  ASSERT_TRUE(empty.ok());
  EXPECT_EQ(empty->element, ElementType::i64);

  onnx::OptionalProto optional;
  const auto nothing = read_tensor_proto(folder.write("o.pb", optional.SerializeAsString()),
                                         TypeInfo::optional_of(sequence_type));
  ASSERT_TRUE(nothing.ok());
  EXPECT_EQ(nothing->kind, RuntimeValue::Kind::empty_optional);
  EXPECT_FALSE(
      read_tensor_proto(folder.write("bad.pb", "garbage!"), TypeInfo::tensor(ElementType::f32)).ok());
}

}  // namespace
}  // namespace lathe
