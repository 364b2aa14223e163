// Walks protobuf's wire format over a mapped file, so that weights are never copied by the parser.
#include "importers/onnx/wire.h"

#include <cstdint>
#include <fmt/format.h>
#include <functional>
#include <google/protobuf/io/coded_stream.h>
#include <limits>

#include "runtime/counted.h"
#include "runtime/error.h"

namespace godwit::importers {
namespace {

using google::protobuf::io::CodedInputStream;
using Bytes = std::span<const std::byte>;

constexpr int kModelGraph = 7;
constexpr int kGraphInitializer = 5;
constexpr int kTensorRawData = 9;

// Protobuf's encoding: a tag is a field's number and, in its low bits, the form of its value.
enum WireType : std::uint32_t { varint, fixed64, length_delimited, group_start, group_end, fixed32 };
constexpr WireType wire_type(std::uint32_t tag) { return static_cast<WireType>(tag & 7U); }
constexpr int field_number(std::uint32_t tag) { return static_cast<int>(tag >> 3U); }
constexpr int kMaxGroupDepth = 100;  // protobuf's own limit on nesting

// Reads over the value behind `tag`; false where there is none.
bool skip_value(CodedInputStream& stream, std::uint32_t tag, int depth = kMaxGroupDepth) {
  std::uint32_t word = 0;
  std::uint64_t long_word = 0;
  switch (wire_type(tag)) {
    case varint:
      return stream.ReadVarint64(&long_word);
    case fixed64:
      return stream.ReadLittleEndian64(&long_word);
    case fixed32:
      return stream.ReadLittleEndian32(&word);
    case length_delimited:
      return stream.ReadVarint32(&word) && stream.Skip(static_cast<int>(word));
    case group_start:
      for (std::uint32_t inner = stream.ReadTag(); depth > 0 && inner != 0; inner = stream.ReadTag()) {
        if (wire_type(inner) == group_end) return field_number(inner) == field_number(tag);
        if (!skip_value(stream, inner, depth - 1)) return false;
      }
      return false;
    default:
      return false;
  }
}

CodedInputStream stream_over(Bytes bytes) {
  return CodedInputStream(reinterpret_cast<const std::uint8_t*>(bytes.data()),
                          static_cast<int>(bytes.size()));
}

// Splits messages into the fields that are taken out and the rest, which the schema parses.
class Walker {
 public:
  explicit Walker(Bytes file) : file_(file) {}

  // Calls `take(payload)` for each length-delimited field `number` of the message; all others are merged into
  // `rest`.
  void walk(Bytes message, int number, google::protobuf::MessageLite& rest,
            const std::function<void(Bytes)>& take) {
    CodedInputStream stream = stream_over(message);
    std::size_t rest_begin = 0;
    while (true) {
      const auto field_begin = static_cast<std::size_t>(stream.CurrentPosition());
      if (field_begin == message.size()) break;
      const std::uint32_t tag = stream.ReadTag();
      if (tag == 0) fail(message, field_begin);
      if (wire_type(tag) != length_delimited) {
        if (!skip_value(stream, tag)) fail(message, field_begin);
        continue;
      }
      std::uint32_t length = 0;
      if (!stream.ReadVarint32(&length)) fail(message, field_begin);
      const auto begin = static_cast<std::size_t>(stream.CurrentPosition());
      if (length > message.size() - begin) {
        throw Error(fmt::format("the file is cut short or not ONNX: at byte {} it announces {}, {} are there",
                                offset_of(message, field_begin), counted(length, "byte"),
                                message.size() - begin));
      }
      stream.Skip(static_cast<int>(length));
      if (field_number(tag) == number) {
        merge(rest, message.subspan(rest_begin, field_begin - rest_begin));
        rest_begin = begin + length;
        take(message.subspan(begin, length));
      }
    }
    merge(rest, message.subspan(rest_begin));
  }

 private:
  std::size_t offset_of(Bytes message, std::size_t position) const {
    return static_cast<std::size_t>(message.data() - file_.data()) + position;
  }

  [[noreturn]] void fail(Bytes message, std::size_t position) const {
    throw Error(fmt::format("the file is not ONNX: malformed at byte {}", offset_of(message, position)));
  }

  // Protobuf defines that pieces of a message can be merged one after the other.
  void merge(google::protobuf::MessageLite& message, Bytes piece) const {
    if (piece.empty()) return;
    CodedInputStream stream = stream_over(piece);
    if (!message.MergeFromCodedStream(&stream) || !stream.ConsumedEntireMessage()) fail(piece, 0);
  }

  Bytes file_;
};

Bytes bytes_of(const MappedFile& file) {
  const Bytes bytes(file.data(), file.size());
  if (bytes.empty()) throw Error("the file is empty");
  if (bytes.size() > std::numeric_limits<std::int32_t>::max()) {
    throw Error(fmt::format(
        "the file has {}; an ONNX file has less than 2 GB, larger weights are kept as external data",
        counted(bytes.size(), "byte")));
  }
  return bytes;
}

void read_tensor(Walker& walker, Bytes bytes, Initializer& dst) {
  walker.walk(bytes, kTensorRawData, dst.proto, [&](Bytes raw) { dst.raw_data = raw; });
}

}  // namespace

ModelFile read_model_file(const std::string& path) {
  ModelFile result;
  result.file = std::make_shared<const MappedFile>(path);
  const Bytes bytes = bytes_of(*result.file);
  Walker walker(bytes);
  walker.walk(bytes, kModelGraph, result.model, [&](Bytes graph) {
    walker.walk(graph, kGraphInitializer, *result.model.mutable_graph(),
                [&](Bytes tensor) { read_tensor(walker, tensor, result.initializers.emplace_back()); });
  });
  return result;
}

TensorFile read_tensor_file(const std::string& path) {
  TensorFile result;
  result.file = std::make_shared<const MappedFile>(path);
  const Bytes bytes = bytes_of(*result.file);
  Walker walker(bytes);
  read_tensor(walker, bytes, result.tensor);
  return result;
}

}  // namespace godwit::importers
