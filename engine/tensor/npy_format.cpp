// SPDX-License-Identifier: Apache-2.0
#include "engine/tensor/npy_format.h"

#include <algorithm>
#include <cstring>

#include "engine/base/checked.h"
#include "engine/base/strings.h"
#include "engine/tensor/utf32.h"

namespace lathe {
namespace {

constexpr std::string_view magic = "\x93NUMPY";
constexpr size_t max_rank = 64;

/// Reads the header's Python dictionary: strings, True/False and tuples of integers are all that is allowed.
class HeaderParser {
 public:
  HeaderParser(std::string_view text, std::string where) : text_(text), where_(std::move(where)) {}

  Status parse(NpyHeader& header) {
    LATHE_TRY(expect('{'));
    bool descr = false, order = false, shape = false;
    while (!accept('}')) {
      LATHE_ASSIGN(const std::string key, quoted());
      LATHE_TRY(expect(':'));
      if (key == "descr") {
        LATHE_TRY(parse_descr(header));
        descr = true;
      } else if (key == "fortran_order") {
        LATHE_ASSIGN(header.fortran_order, boolean());
        order = true;
      } else if (key == "shape") {
        LATHE_ASSIGN(header.shape, tuple());
        shape = true;
      } else {
        return fail("unknown key '" + key + "' in the array header");
      }
      if (!accept(',')) {
        LATHE_TRY(expect('}'));
        break;
      }
    }
    if (!descr || !order || !shape) return fail("the array header lacks descr, fortran_order or shape");
    return {};
  }

 private:
  Error fail(std::string what) const { return bad_input(where_, std::move(what)); }

  void skip_space() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\t')) ++at_;
  }
  bool accept(char c) {
    skip_space();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  Status expect(char c) {
    if (accept(c)) return {};
    return fail(std::string("'") + c + "' expected in the array header at byte " + std::to_string(at_));
  }

  Result<std::string> quoted() {
    skip_space();
    const char quote = at_ < text_.size() ? text_[at_] : '\0';
    const size_t end = quote == '\'' || quote == '"' ? text_.find(quote, at_ + 1) : std::string_view::npos;
    if (end == std::string_view::npos)
      return fail("text in quotes expected in the array header at byte " + std::to_string(at_));
    std::string out(text_.substr(at_ + 1, end - at_ - 1));
    at_ = end + 1;
    return out;
  }

  Result<bool> boolean() {
    skip_space();
    for (const bool value : {true, false}) {
      const std::string_view word = value ? "True" : "False";
      if (text_.substr(at_).starts_with(word)) {
        at_ += word.size();
        return value;
      }
    }
    return fail("fortran_order in the array header is neither True nor False");
  }

  Result<Shape> tuple() {
    LATHE_TRY(expect('('));
    Shape shape;
    while (!accept(')')) {
      skip_space();
      size_t end = at_;
      while (end < text_.size() && text_[end] >= '0' && text_[end] <= '9') ++end;
      int64_t size = 0;
      if (!parse_int(text_.substr(at_, end - at_), size) || shape.size() == max_rank)
        return fail("the array header's shape is not a tuple of at most 64 sizes");
      shape.push_back(size);
      at_ = end;
      if (at_ < text_.size() && text_[at_] == 'L') ++at_;  // Python 2 wrote long integers so
      if (!accept(',')) {
        LATHE_TRY(expect(')'));
        break;
      }
    }
    return shape;
  }

  Status parse_descr(NpyHeader& header) {
    skip_space();
    if (at_ < text_.size() && text_[at_] == '[') return fail("arrays of structures are not supported");
    LATHE_ASSIGN(const std::string descr, quoted());
    const std::string_view order = std::string_view(descr).substr(0, 1);
    const bool has_order = order == "<" || order == ">" || order == "|" || order == "=";
    const std::string_view rest = std::string_view(descr).substr(has_order ? 1 : 0);
    header.big_endian = order == ">";
    header.kind = rest.empty() ? '\0' : rest[0];
    if (header.kind == 'O') return fail("arrays of Python objects are not supported");
    int64_t bytes = 0;
    const bool number = rest.size() > 1 && parse_int(rest.substr(1), bytes) && bytes >= 0;
    if (!number || bytes > (int64_t{1} << 31) ||
        std::string_view("biufcVUS").find(header.kind) == std::string_view::npos)
      return fail("element type '" + descr + "' is not supported");
    header.item_bytes = static_cast<size_t>(bytes) * (header.kind == 'U' ? 4 : 1);
    return {};
  }

  std::string_view text_;
  std::string where_;
  size_t at_ = 0;
};

bool is_text(char kind) {
  return kind == 'U' || kind == 'S';
}

std::string descr_of(const NpyHeader& header) {
  return std::string(1, header.kind) +
         std::to_string(header.kind == 'U' ? header.item_bytes / 4 : header.item_bytes);
}

/// The letter and size that .npy uses for a type; kind 0 where it has none.
std::pair<char, size_t> npy_type(ElementType type) {
  const size_t bytes = element_size(type);
  switch (type) {
    case ElementType::undefined:
    case ElementType::string:
      return {0, 0};
    case ElementType::boolean:
      return {'b', 1};
    case ElementType::f16:
    case ElementType::f32:
    case ElementType::f64:
      return {'f', bytes};
    case ElementType::complex64:
    case ElementType::complex128:
      return {'c', bytes};
    case ElementType::bf16:
      return {'V', 2};
    default:
      break;
  }
  if (!is_integer(type) || element_bits(type) < 8) return {'V', 1};
  return {is_signed_integer(type) ? 'i' : 'u', bytes};
}

Result<ElementType> element_type_for(const NpyHeader& header, const std::string& where,
                                     std::optional<ElementType> declared) {
  if (header.kind == 'V') {
    if (declared && npy_type(*declared) == std::pair<char, size_t>('V', header.item_bytes)) return *declared;
    if (header.item_bytes == 2) return ElementType::bf16;
    if (header.item_bytes != 1)
      return bad_input(where,
                       "raw elements of " + std::to_string(header.item_bytes) + " bytes are not supported");
    if (!declared) return bad_input(where, "raw one-byte elements: the type they stand for is not known");
    return bad_input(
        where, std::string("raw one-byte elements do not fit the declared type ") + to_string(*declared));
  }
  constexpr int types = static_cast<int>(ElementType::i2);
  for (int number = 1; number <= types; ++number) {
    const auto type = static_cast<ElementType>(number);
    if (npy_type(type) == std::pair(header.kind, header.item_bytes)) return type;
  }
  return bad_input(where, "element type '" + descr_of(header) + "' is not supported");
}

void swap_bytes(std::byte* data, size_t count, size_t size) {
  for (size_t i = 0; i < count; ++i) std::reverse(data + i * size, data + (i + 1) * size);
}

/// Row-major copy of column-major elements of `size` bytes.
void copy_from_fortran(const std::byte* from, std::byte* to, const Shape& shape, size_t size) {
  std::vector<size_t> strides(shape.size());
  size_t step = 1;
  for (size_t axis = 0; axis < shape.size(); ++axis) {
    strides[axis] = step;
    step *= static_cast<size_t>(shape[axis]);
  }
  Shape index(shape.size(), 0);
  size_t source = 0;
  for (size_t i = 0; i < step; ++i) {
    std::memcpy(to + i * size, from + source * size, size);
    for (size_t axis = shape.size(); axis-- > 0;) {
      source += strides[axis];
      if (++index[axis] < shape[axis]) break;
      source -= strides[axis] * static_cast<size_t>(shape[axis]);
      index[axis] = 0;
    }
  }
}

/// Makes every byte a valid element: bool 0 or 1, narrow integers within their bits.
void normalize(ElementType type, std::byte* bytes, size_t count) {
  auto* values = reinterpret_cast<uint8_t*>(bytes);
  const auto each = [&](auto change) { std::transform(values, values + count, values, change); };
  const auto sign_extended = [](uint8_t value, int bits) {
    return static_cast<uint8_t>(static_cast<int8_t>(static_cast<uint8_t>(value << (8 - bits))) >> (8 - bits));
  };
  switch (type) {
    case ElementType::boolean:
      return each([](uint8_t v) -> uint8_t { return v != 0; });
    case ElementType::u4:
    case ElementType::f4e2m1:
      return each([](uint8_t v) -> uint8_t { return v & 0xf; });
    case ElementType::u2:
      return each([](uint8_t v) -> uint8_t { return v & 0x3; });
    case ElementType::i4:
      return each([&](uint8_t v) { return sign_extended(v, 4); });
    case ElementType::i2:
      return each([&](uint8_t v) { return sign_extended(v, 2); });
    default:
      return;
  }
}

std::string bytes_to_text(std::span<const std::byte> item) {
  std::string text(reinterpret_cast<const char*>(item.data()), item.size());
  text.erase(text.find_last_not_of('\0') + 1);
  return text;
}

Result<Tensor> decode_text(const NpyHeader& header, std::span<const std::byte> data,
                           const std::string& where) {
  LATHE_ASSIGN(Tensor tensor, Tensor::allocate(ElementType::string, header.shape));
  std::vector<std::string> elements(static_cast<size_t>(tensor.count()));
  for (size_t i = 0; i < elements.size(); ++i) {
    const auto item = data.subspan(i * header.item_bytes, header.item_bytes);
    if (header.kind == 'U' && !utf32_to_utf8(item, header.big_endian, elements[i]))
      return bad_input(where, "element " + std::to_string(i) + " is not valid Unicode text");
    if (header.kind == 'S') elements[i] = bytes_to_text(item);
  }
  if (!header.fortran_order) return Tensor::of_strings(header.shape, std::move(elements));
  // Reorder numbers, then the strings by them.
  std::vector<uint64_t> source(elements.size()), order(elements.size());
  for (size_t i = 0; i < source.size(); ++i) source[i] = i;
  copy_from_fortran(reinterpret_cast<const std::byte*>(source.data()),
                    reinterpret_cast<std::byte*>(order.data()), header.shape, sizeof(uint64_t));
  for (size_t i = 0; i < order.size(); ++i) tensor.mutable_strings()[i] = std::move(elements[order[i]]);
  return tensor;
}

std::string header_text(std::string_view descr, const Shape& shape) {
  std::string sizes;
  for (const int64_t size : shape) sizes += std::to_string(size) + ", ";
  if (shape.size() > 1) sizes.resize(sizes.size() - 2);
  if (shape.size() == 1) sizes.resize(sizes.size() - 1);
  std::string text =
      "{'descr': '" + std::string(descr) + "', 'fortran_order': False, 'shape': (" + sizes + "), }";
  // Format 1.0 where the length fits 16 bits; a rank of 64 does. Elements begin at a multiple of 64.
  const size_t used = magic.size() + 4 + text.size() + 1;
  text.append((64 - used % 64) % 64, ' ');
  text += '\n';
  const char prefix[] = {1, 0, static_cast<char>(text.size() & 0xff), static_cast<char>(text.size() >> 8)};
  return std::string(magic) + std::string(prefix, 4) + text;
}

Result<NpyParts> encode_text(const Tensor& tensor) {
  std::vector<std::u32string> elements(tensor.strings().size());
  size_t longest = 1;
  for (size_t i = 0; i < elements.size(); ++i) {
    if (!utf8_to_utf32(tensor.strings()[i], elements[i]))
      return unsupported("", "element " + std::to_string(i) + " is not UTF-8 text and cannot be written");
    longest = std::max(longest, elements[i].size());
  }
  const auto bytes = checked_mul(static_cast<int64_t>(longest * sizeof(char32_t)), tensor.count());
  if (!bytes || *bytes > (int64_t{1} << 32)) return resource_error("", "the text would take more than 4 GiB");
  NpyParts parts{header_text("<U" + std::to_string(longest), tensor.shape()),
                 std::string(static_cast<size_t>(*bytes), '\0'),
                 {}};
  for (size_t i = 0; i < elements.size(); ++i)
    std::memcpy(parts.text.data() + i * longest * sizeof(char32_t), elements[i].data(),
                elements[i].size() * sizeof(char32_t));
  return parts;
}

}  // namespace

Result<NpyHeader> parse_npy_header(std::span<const std::byte> file, const std::string& where) {
  const std::string_view text(reinterpret_cast<const char*>(file.data()), file.size());
  if (!text.starts_with(magic)) return bad_input(where, "is not a NumPy array (wrong first bytes)");
  const auto byte = [&](size_t at) { return static_cast<size_t>(static_cast<uint8_t>(text[at])); };
  if (text.size() < 10) return bad_input(where, "ends inside the array header");
  const size_t version = byte(6);
  if (version < 1 || version > 3)
    return bad_input(where, "has unknown .npy version " + std::to_string(version));
  const size_t start = version == 1 ? 10 : 12;
  if (text.size() < start) return bad_input(where, "ends inside the array header");
  const size_t length = byte(8) | byte(9) << 8 | (version == 1 ? 0 : byte(10) << 16 | byte(11) << 24);
  if (length > npy_header_limit - start) return bad_input(where, "has an array header of more than 1 MiB");
  if (text.size() - start < length) return bad_input(where, "ends inside the array header");

  NpyHeader header;
  LATHE_TRY(HeaderParser(text.substr(start, length), where).parse(header));
  header.data_offset = start + length;
  const auto count = checked_element_count(header.shape);
  const auto bytes = count ? checked_mul(*count, static_cast<int64_t>(header.item_bytes)) : count;
  if (!bytes) return bad_input(where, "has a shape too large for memory: " + to_string(header.shape));
  // Elements of no bytes would let a tiny file ask for any number of them.
  if (header.item_bytes == 0 && *count > (int64_t{1} << 24))
    return bad_input(where, "has too many elements of no size: " + to_string(header.shape));
  header.data_bytes = static_cast<size_t>(*bytes);
  return header;
}

Result<Tensor> decode_npy(const NpyHeader& header, std::span<const std::byte> data, const std::string& where,
                          std::optional<ElementType> declared) {
  if (is_text(header.kind)) return decode_text(header, data, where);
  LATHE_ASSIGN(const ElementType type, element_type_for(header, where, declared));
  LATHE_ASSIGN(Tensor tensor, Tensor::allocate(type, header.shape));
  const auto count = static_cast<size_t>(tensor.count());
  if (header.fortran_order && header.shape.size() > 1)
    copy_from_fortran(data.data(), tensor.mutable_raw(), header.shape, header.item_bytes);
  else if (!data.empty())
    std::memcpy(tensor.mutable_raw(), data.data(), data.size());
  if (header.big_endian) {
    const size_t parts = header.kind == 'c' ? 2 : 1;
    swap_bytes(tensor.mutable_raw(), count * parts, header.item_bytes / parts);
  }
  normalize(type, tensor.mutable_raw(), count);
  return tensor;
}

Result<NpyParts> encode_npy(const Tensor& tensor) {
  if (tensor.type() == ElementType::string) return encode_text(tensor);
  const auto [kind, bytes] = npy_type(tensor.type());
  if (kind == 0)
    return unsupported("",
                       std::string("a tensor of type ") + to_string(tensor.type()) + " cannot be written");
  const std::string descr = (bytes == 1 ? "|" : "<") + std::string(1, kind) + std::to_string(bytes);
  NpyParts parts{header_text(descr, tensor.shape()), {}, {}};
  parts.plain = {tensor.raw(), tensor.bytes()};
  return parts;
}

}  // namespace lathe
