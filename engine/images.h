// Models that treat the images of a batch apart, so that each can run on its own.
#pragma once

#include <cstdint>

#include "engine/graph.h"

namespace godwit::engine {

// The number of images in a graph with known shapes: dimension 0 of all its inputs and outputs, where every
// node computes each image from that image alone (OpDef::batch_separable). 0 where images meet, or where
// that is not known.
std::int64_t separable_images(const Graph& graph);

}  // namespace godwit::engine
