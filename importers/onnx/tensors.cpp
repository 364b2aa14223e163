// Tensor bytes from raw_data, from the typed fields, or from files beside the model.
#include "importers/onnx/tensors.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstring>
#include <fmt/format.h>
#include <google/protobuf/repeated_field.h>
#include <limits>
#include <type_traits>

#include "importers/inside_folder.h"
#include "importers/onnx/packing.h"
#include "runtime/counted.h"
#include "runtime/error.h"

namespace godwit::importers {
namespace {

static_assert(std::endian::native == std::endian::little, "ONNX's raw bytes are little-endian");

using Bytes = std::span<const std::byte>;
constexpr int kExternal = 1;

std::string_view unsupported_type_name(int code) {
  switch (code) {
    case 0:
      return "undefined";
    case 8:
      return "string";
    case 14:
      return "complex64";
    case 15:
      return "complex128";
    default:
      return "unknown";
  }
}

TensorDesc describe(const onnx::Tensor& proto) {
  TensorDesc desc;
  desc.dtype = require_dtype(proto.data_type());
  for (const std::int64_t dim : proto.dims()) {
    if (dim < 0) throw Error(fmt::format("dimension {} is negative", dim));
    desc.shape.append(dim);
  }
  (void)desc.bytes();  // throws when the size overflows
  return desc;
}

void check_bools(const TensorDesc& desc, Bytes bytes) {
  if (desc.dtype != DType::boolean) return;
  for (const std::byte b : bytes) {
    if (std::to_integer<int>(b) > 1) {
      throw Error(fmt::format("a bool has byte value {}, expected 0 or 1", std::to_integer<int>(b)));
    }
  }
}

// Below this size, bytes of a file that were used stay in memory: their pages hold others' bytes too.
constexpr std::size_t kSmall = std::size_t{64} << 10;

// Bytes of a mapped file, in place where they are aligned for their type, else copied; either way their pages
// are given back after use.
Tensor from_file(const TensorDesc& desc, Bytes bytes, const std::shared_ptr<const MappedFile>& file) {
  return Tensor::on_demand(desc, [file, bytes, alignment = size_of(desc.dtype)]() {
    const auto offset = static_cast<std::size_t>(bytes.data() - file->data());
    if (reinterpret_cast<std::uintptr_t>(bytes.data()) % alignment == 0) {
      return std::shared_ptr<const void>(
          bytes.data(), [file, offset, size = bytes.size()](const void*) { file->release(offset, size); });
    }
    std::shared_ptr<std::byte> copy = allocate_aligned(bytes.size());
    std::memcpy(copy.get(), bytes.data(), bytes.size());
    file->release(offset, bytes.size());
    return std::shared_ptr<const void>(std::move(copy));
  });
}

// On demand where `file` owns the bytes and they are many, a view where they are aligned, a copy otherwise.
Tensor from_bytes(const TensorDesc& desc, Bytes bytes, const std::shared_ptr<const MappedFile>& file) {
  if (bytes.size() != packed_bytes(desc)) {
    throw Error(fmt::format("has {} of data, its shape {} of {} takes {}", counted(bytes.size(), "byte"),
                            desc.shape.to_string(), name_of(desc.dtype), packed_bytes(desc)));
  }
  if (is_packed(desc.dtype)) return unpack(desc, bytes);
  check_bools(desc, bytes);
  const bool aligned = reinterpret_cast<std::uintptr_t>(bytes.data()) % size_of(desc.dtype) == 0;
  if (file != nullptr && bytes.size() >= kSmall) return from_file(desc, bytes, file);
  if (file != nullptr && aligned && !bytes.empty()) return Tensor(desc, bytes.data(), file);
  Tensor tensor(desc);
  if (!bytes.empty()) std::memcpy(tensor.mutable_data(), bytes.data(), bytes.size());
  return tensor;
}

// Typed fields hold one element per number; 16-bit floats as their bit patterns.
template <class T, class Number>
T element(Number number, int index) {
  if constexpr (std::is_same_v<T, Number>) {
    return number;
  } else if constexpr (std::is_same_v<T, Float16> || std::is_same_v<T, BFloat16>) {
    if (number < 0 || number > 0xffff) {
      throw Error(fmt::format("int32_data[{}] is {}, expected the 16 bits of a float", index, number));
    }
    T value;
    value.bits = static_cast<std::uint16_t>(number);
    return value;
  } else {
    if (number < Number{std::numeric_limits<T>::min()} || number > Number{std::numeric_limits<T>::max()}) {
      throw Error(fmt::format("element {} is {}, out of range for {}", index, number, name_of(dtype_of<T>)));
    }
    return static_cast<T>(number);
  }
}

template <class T, class Number>
Tensor from_numbers(const TensorDesc& desc, const google::protobuf::RepeatedField<Number>& numbers,
                    const char* field) {
  if (desc.shape.elements() != numbers.size()) {
    throw Error(fmt::format("has {} in {}, its shape {} takes {}", counted(numbers.size(), "value"), field,
                            desc.shape.to_string(), desc.shape.elements()));
  }
  Tensor tensor(desc);
  T* dst = tensor.mutable_values<T>().data();
  for (int i = 0; i < numbers.size(); ++i) dst[i] = element<T, Number>(numbers[i], i);
  return tensor;
}

// Narrow types have one byte in each number: an element's bits, or several elements.
Tensor from_packed_numbers(const TensorDesc& desc, const onnx::Tensor& proto) {
  const auto& numbers = proto.int32_data();
  if (static_cast<std::size_t>(numbers.size()) != packed_bytes(desc)) {
    throw Error(fmt::format("has {} in int32_data, its shape {} of {} takes {}",
                            counted(numbers.size(), "value"), desc.shape.to_string(), name_of(desc.dtype),
                            packed_bytes(desc)));
  }
  std::vector<std::byte> bytes;
  for (int i = 0; i < numbers.size(); ++i) {
    if (numbers[i] < -128 || numbers[i] > 255)
      throw Error(fmt::format("int32_data[{}] is {}, expected 8 bits", i, numbers[i]));
    bytes.push_back(static_cast<std::byte>(numbers[i] & 0xff));
  }
  return from_bytes(desc, bytes, nullptr);
}

Tensor from_typed_field(const TensorDesc& desc, const onnx::Tensor& proto) {
  if (is_narrow(desc.dtype)) return from_packed_numbers(desc, proto);
  return visit_dtype(desc.dtype, [&]<class T>() {
    if constexpr (std::is_same_v<T, float>)
      return from_numbers<T>(desc, proto.float_data(), "float_data");
    else if constexpr (std::is_same_v<T, double>)
      return from_numbers<T>(desc, proto.double_data(), "double_data");
    else if constexpr (std::is_same_v<T, std::int64_t>)
      return from_numbers<T>(desc, proto.int64_data(), "int64_data");
    else if constexpr (std::is_same_v<T, std::uint32_t> || std::is_same_v<T, std::uint64_t>)
      return from_numbers<T>(desc, proto.uint64_data(), "uint64_data");
    else if constexpr (is_narrow(dtype_of<T>))
      return Tensor();  // read above
    else
      return from_numbers<T>(desc, proto.int32_data(), "int32_data");
  });
}

bool has_typed_field(const onnx::Tensor& proto) {
  return proto.float_data_size() > 0 || proto.int32_data_size() > 0 || proto.int64_data_size() > 0 ||
         proto.double_data_size() > 0 || proto.uint64_data_size() > 0 || proto.string_data_size() > 0;
}

Tensor from_proto(const TensorDesc& desc, const onnx::Tensor& proto, std::optional<Bytes> raw,
                  const std::shared_ptr<const MappedFile>& file) {
  if (proto.has_segment()) throw Error("is one segment of a larger tensor, which is not supported");
  if (!raw) return from_typed_field(desc, proto);
  if (has_typed_field(proto)) throw Error("has its data twice, in raw_data and in a typed field");
  return from_bytes(desc, *raw, file);
}

std::size_t parse_size(const onnx::KeyValue& entry) {
  const std::string& text = entry.value();
  std::size_t size = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), size);
  if (failure != std::errc{} || end != text.data() + text.size()) {
    throw Error(fmt::format("external data: {} is not a number of bytes", entry.key()));
  }
  return size;
}

}  // namespace

DType require_dtype(int onnx_code) {
  const std::optional<DType> dtype = dtype_from_onnx(onnx_code);
  if (!dtype) {
    throw Error(
        fmt::format("element type {} ({}) is not supported", onnx_code, unsupported_type_name(onnx_code)));
  }
  return *dtype;
}

void check_text(std::string_view text, std::string_view what) {
  constexpr std::uint32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};  // smaller codes have a shorter form
  std::size_t i = 0;
  while (i < text.size()) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const std::size_t length = lead < 0x80         ? 1
                               : lead >> 5 == 0x6  ? 2
                               : lead >> 4 == 0xe  ? 3
                               : lead >> 3 == 0x1e ? 4
                                                   : 0;
    bool valid = length != 0 && i + length <= text.size();
    std::uint32_t code = length <= 1 ? lead : lead & (0x7fU >> length);
    for (std::size_t k = 1; valid && k < length; ++k) {
      const auto next = static_cast<unsigned char>(text[i + k]);
      valid = next >> 6 == 0x2;
      code = code << 6 | (next & 0x3fU);
    }
    valid = valid && code >= kLeast[length] && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
    if (!valid) throw Error(fmt::format("{} is not valid UTF-8", what));
    i += length;
  }
}

void check_name(std::string_view name, std::string_view what) {
  check_text(name, what);
  const auto control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  if (std::ranges::any_of(name, control)) throw Error(fmt::format("{} has a control character in it", what));
}

Tensor TensorReader::read(const Initializer& initializer) {
  const TensorDesc desc = describe(initializer.proto);
  if (initializer.proto.data_location() == kExternal) return read_external(initializer.proto, desc);
  return from_proto(desc, initializer.proto, initializer.raw_data, model_);
}

Tensor TensorReader::read(const onnx::Tensor& proto) {
  const TensorDesc desc = describe(proto);
  if (proto.data_location() == kExternal) return read_external(proto, desc);
  std::optional<Bytes> raw;
  if (proto.has_raw_data()) raw = std::as_bytes(std::span(proto.raw_data()));
  return from_proto(desc, proto, raw, nullptr);
}

std::vector<std::string> TensorReader::files() const {
  std::vector<std::string> paths;
  for (const auto& [path, file] : external_) paths.push_back(path);
  return paths;
}

Tensor TensorReader::read_external(const onnx::Tensor& proto, const TensorDesc& desc) {
  std::string location;
  std::size_t offset = 0;
  std::optional<std::size_t> length;
  for (const onnx::KeyValue& entry : proto.external_data()) {
    if (entry.key() == "location") location = entry.value();
    if (entry.key() == "offset") offset = parse_size(entry);
    if (entry.key() == "length") length = parse_size(entry);
  }
  const std::string path = resolve_inside(folder_, location);
  std::shared_ptr<const MappedFile>& file = external_[path];
  if (file == nullptr) file = std::make_shared<const MappedFile>(path);

  const std::size_t bytes = length.value_or(packed_bytes(desc));
  if (offset > file->size() || bytes > file->size() - offset) {
    throw Error(
        fmt::format("external data: {} bytes at offset {} reach past the end of '{}', which has {} bytes",
                    bytes, offset, location, file->size()));
  }
  return from_bytes(desc, Bytes(file->data() + offset, bytes), file);
}

}  // namespace godwit::importers
