// Reads and writes the attributes of ChannelShuffle, and finds its channels.
#include "ops/channel_shuffle.h"

namespace godwit::ops {

ChannelShuffle channel_shuffle(const Attributes& attributes) {
  return {.groups = attributes.integer("groups", 1),
          .start = attributes.integer("start", 0),
          .channels = attributes.integer("channels", 0)};
}

void set_channel_shuffle(Attributes& attributes, const ChannelShuffle& shuffle) {
  attributes.set("groups", shuffle.groups);
  attributes.set("start", shuffle.start);
  attributes.set("channels", shuffle.channels);
}

std::int64_t channels_of(const NodeView& node) {
  std::int64_t channels = 0;
  for (std::size_t i = 0; i < node.inputs.size(); ++i) channels += node.shape(i)[1];
  return channels;
}

ChannelPlace place_of(const NodeView& node, std::int64_t channel) {
  ChannelPlace place{0, channel};
  while (place.channel >= node.shape(place.operand)[1]) place.channel -= node.shape(place.operand++)[1];
  return place;
}

}  // namespace godwit::ops
