// The .npy header is the text of a Python dict; only the three keys that NumPy writes are understood.
#include "runtime/npy.h"

#include <bit>
#include <charconv>
#include <cstring>
#include <fmt/format.h>
#include <optional>
#include <string_view>

#include "runtime/counted.h"
#include "runtime/error.h"
#include "runtime/memory.h"

namespace godwit {
namespace {

static_assert(std::endian::native == std::endian::little,
              "tensors are read and written as they lie in memory");

constexpr std::string_view kMagic{"\x93NUMPY", 6};

struct Header {
  std::string descr;
  bool fortran_order = false;
  Shape shape;
};

// Reads "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }".
class HeaderParser {
 public:
  explicit HeaderParser(std::string_view text) : text_(text) {}

  Header parse() {
    std::optional<std::string> descr;
    std::optional<bool> fortran_order;
    std::optional<Shape> shape;
    expect('{');
    while (!accept('}')) {
      const std::string key = string();
      expect(':');
      if (key == "descr" && !descr) {
        if (!at('\'') && !at('"')) throw Error("its elements are structures, expected one number each");
        descr = string();
      } else if (key == "fortran_order" && !fortran_order) {
        fortran_order = boolean();
      } else if (key == "shape" && !shape) {
        shape = tuple();
      } else {
        throw malformed();
      }
      if (!accept(',') && !at('}')) throw malformed();
    }
    skip_spaces();
    if (!text_.empty() || !descr || !fortran_order || !shape) throw malformed();
    return {*descr, *fortran_order, *shape};
  }

 private:
  static Error malformed() {
    return Error("its header is malformed, expected the keys descr, fortran_order and shape");
  }

  void skip_spaces() { text_.remove_prefix(std::min(text_.find_first_not_of(" \t\r\n"), text_.size())); }
  bool at(char c) {
    skip_spaces();
    return text_.starts_with(c);
  }
  bool accept(char c) {
    if (!at(c)) return false;
    text_.remove_prefix(1);
    return true;
  }
  void expect(char c) {
    if (!accept(c)) throw malformed();
  }

  std::string string() {
    const char quote = at('"') ? '"' : '\'';
    expect(quote);
    const std::size_t end = text_.find(quote);
    if (end == std::string_view::npos) throw malformed();
    std::string result(text_.substr(0, end));
    text_.remove_prefix(end + 1);
    return result;
  }

  bool boolean() {
    skip_spaces();
    for (const std::string_view word : {"True", "False"}) {
      if (!text_.starts_with(word)) continue;
      text_.remove_prefix(word.size());
      return word == "True";
    }
    throw malformed();
  }

  Shape tuple() {
    Shape shape;
    expect('(');
    while (!accept(')')) {
      skip_spaces();
      std::int64_t dim = 0;
      const auto [end, error] = std::from_chars(text_.data(), text_.data() + text_.size(), dim);
      if (error != std::errc() || dim < 0) throw malformed();
      text_.remove_prefix(static_cast<std::size_t>(end - text_.data()));
      shape.append(dim);
      if (!accept(',') && !at(')')) throw malformed();
    }
    return shape;
  }

  std::string_view text_;
};

DType element_type(const std::string& descr) {
  const std::optional<DType> dtype = dtype_from_numpy(descr == "|V2" ? "<V2" : descr);
  if (!dtype) {
    throw Error(
        fmt::format("its element type '{}' is not supported, expected little-endian numbers such as '<f4'",
                    descr.substr(0, 40)));
  }
  return *dtype;
}

Tensor parse_npy(std::string_view file) {
  if (!file.starts_with(kMagic) || file.size() < 10) throw Error("not an .npy file");
  const auto byte = [&](std::size_t at) {
    return static_cast<std::size_t>(static_cast<unsigned char>(file[at]));
  };
  const std::size_t major = byte(6);
  if (major < 1 || major > 3) throw Error(fmt::format("its format version is {}, expected 1, 2 or 3", major));
  const std::size_t length_bytes = major == 1 ? 2 : 4;
  const std::size_t begin = 8 + length_bytes;
  if (file.size() < begin) throw Error("the file ends inside its header");
  std::size_t length = 0;
  for (std::size_t i = 0; i < length_bytes; ++i) length |= byte(8 + i) << (8 * i);
  if (length > file.size() - begin) throw Error("the file ends inside its header");

  const Header header = HeaderParser(file.substr(begin, length)).parse();
  const TensorDesc desc{element_type(header.descr), header.shape, Layout::nchw};
  if (header.fortran_order) throw Error("it is in Fortran order, expected C order (numpy.ascontiguousarray)");
  const std::string_view data = file.substr(begin + length);
  if (desc.bytes() != data.size()) {
    throw Error(fmt::format("{} needs {} of data, the file has {}", desc.to_string(),
                            counted(desc.bytes(), "byte"), data.size()));
  }
  Tensor tensor(desc);
  if (desc.dtype == DType::boolean) {
    // Any other byte than 0 and 1 would be no bool.
    auto* values = static_cast<unsigned char*>(tensor.mutable_data());
    for (std::size_t i = 0; i < data.size(); ++i) values[i] = data[i] != '\0' ? 1 : 0;
  } else if (!data.empty()) {
    std::memcpy(tensor.mutable_data(), data.data(), data.size());
  }
  return tensor;
}

std::string header_for(DType dtype, const Shape& shape) {
  std::string dims;
  for (const std::int64_t dim : shape.dims()) dims += fmt::format("{}, ", dim);
  if (shape.rank() > 1) dims.resize(dims.size() - 2);   // "2, 3"
  if (shape.rank() == 1) dims.resize(dims.size() - 1);  // "2,"
  std::string text =
      fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}), }}", numpy_descr_of(dtype), dims);
  // Padded with spaces and a newline so that the data begin at a multiple of 64 bytes.
  const std::size_t total = align_up(kMagic.size() + 4 + text.size() + 1, 64);
  text.resize(total - kMagic.size() - 4 - 1, ' ');
  text += '\n';
  std::string header(kMagic);
  header += '\x01';
  header += '\x00';
  header += static_cast<char>(text.size() & 0xff);
  header += static_cast<char>(text.size() >> 8);
  return header + text;
}

}  // namespace

Tensor read_npy(const std::string& path) {
  const MappedFile file(path);  // its errors name the path
  return with_context([&] { return fmt::format("'{}'", path); },
                      [&] {
                        return parse_npy({reinterpret_cast<const char*>(file.data()), file.size()});
                      });
}

void write_npy(const std::string& path, const TensorView& tensor) {
  if (tensor.desc.layout != Layout::nchw) {
    throw Error(
        fmt::format("cannot write '{}': the tensor is {}, expected nchw", path, tensor.desc.to_string()));
  }
  OutputFile file(path);
  const std::string header = header_for(tensor.desc.dtype, tensor.desc.shape);
  file.write(header);
  file.write(tensor.data, tensor.desc.bytes());
  file.commit();
}

NpyWriter::NpyWriter(const std::string& path, const Shape& shape, DType dtype)
    : file_(path), path_(path), dtype_(dtype), missing_(shape.elements()) {
  const std::string header = header_for(dtype, shape);
  file_.write(header);
}

void NpyWriter::append(const void* values, std::size_t count, DType dtype) {
  if (dtype != dtype_) {
    throw Error(fmt::format("cannot write '{}': values are {}, the file is {}", path_, name_of(dtype),
                            name_of(dtype_)));
  }
  if (count > static_cast<std::size_t>(missing_)) {
    throw Error(
        fmt::format("cannot write '{}': {} more, but room for {}", path_, counted(count, "value"), missing_));
  }
  file_.write(values, count * size_of(dtype));
  missing_ -= static_cast<std::int64_t>(count);
}

void NpyWriter::finish() {
  if (missing_ != 0)
    throw Error(fmt::format("cannot write '{}': it lacks {}", path_, counted(missing_, "value")));
  file_.commit();
}

}  // namespace godwit
