// Reading an image: which decoder, and what a file must be before one sees it.
#include "runtime/image/image.h"

#include <fmt/format.h>
#include <span>

#include "runtime/error.h"
#include "runtime/image/jpeg.h"
#include "runtime/image/png.h"
#include "runtime/memory.h"

namespace godwit::image {

Image read_image(const std::string& path, const DecodeLimits& limits) {
  const MappedFile file(path);  // its errors name the path
  return with_context([&] { return fmt::format("'{}'", path); },
                      [&] {
                        if (file.size() == 0) throw Error("the file is empty, expected a JPEG or PNG image");
                        if (file.size() > static_cast<std::size_t>(limits.max_file_bytes)) {
                          throw Error(fmt::format("the file has {} bytes, more than the limit of {}",
                                                  file.size(), limits.max_file_bytes));
                        }
                        const std::span bytes(file.data(), file.size());
                        if (looks_like_jpeg(bytes)) return decode_jpeg(bytes, limits);
                        if (looks_like_png(bytes)) return decode_png(bytes, limits);
                        throw Error("the file is neither a JPEG nor a PNG image");
                      });
}

}  // namespace godwit::image
