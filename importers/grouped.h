// Names counted, for a message about many nodes.
#pragma once

#include <string>
#include <vector>

namespace godwit::importers {

// "Resize x5, ConvTranspose x2": those of which there are most come first, then as they were met.
std::string grouped(const std::vector<std::string>& names);

}  // namespace godwit::importers
