// The way a camera was held: the orientation in EXIF metadata, and turning an image accordingly.
#pragma once

#include <cstddef>
#include <span>

#include "runtime/image/image.h"

namespace godwit::image {

// EXIF's orientation, 1 (upright) to 8, of a JPEG or PNG file, as Pillow's exif_transpose finds it: a number
// of any type, the last where the tag is there twice, in the first of a JPEG's EXIF segments; of a PNG in
// eXIf, else in the text "Raw profile type exif", else in XMP. 1 where there is none or it makes no sense.
// Never throws: metadata that are damaged say nothing.
int exif_orientation(std::span<const std::byte> file);

// The image as it is meant to be seen: mirrored and turned as the orientation says.
Image upright(Image image, int orientation);

}  // namespace godwit::image
