// Manual pages, made from what the help is made from.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "tools/cli/command.h"

namespace godwit::tools {

// A page of section 1 in roff.
struct ManualPage {
  std::string name;  // "godwit-energy-cap"
  std::string text;
};

// Pages of the program, of every command and of those in groups.
std::vector<ManualPage> manual_pages(std::span<const Command* const> commands);

}  // namespace godwit::tools
