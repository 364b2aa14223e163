// The attributes of ChannelShuffle, and where its result's channels come from.
#pragma once

#include <cstddef>
#include <cstdint>

#include "ops/op.h"

namespace godwit::ops {

struct ChannelShuffle {
  std::int64_t groups = 1;
  std::int64_t start = 0, channels = 0;  // part of the shuffled channels that is wanted

  // The channel, of `all`, that is the result's channel j.
  std::int64_t source(std::int64_t j, std::int64_t all) const {
    const std::int64_t k = start + j;
    return k % groups * (all / groups) + k / groups;
  }
};
ChannelShuffle channel_shuffle(const Attributes& attributes);
void set_channel_shuffle(Attributes& attributes, const ChannelShuffle& shuffle);

// Channels of all operands, and the operand that holds one of them. Shapes are known.
struct ChannelPlace {
  std::size_t operand = 0;
  std::int64_t channel = 0;
};
std::int64_t channels_of(const NodeView& node);
ChannelPlace place_of(const NodeView& node, std::int64_t channel);

}  // namespace godwit::ops
