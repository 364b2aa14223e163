// Every environment variable that godwit reads: its name, its default, a sentence. The only getenv is behind
// this.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace godwit {

struct Knob {
  std::string_view name;
  std::string_view default_value;
  std::string_view sentence;
};

// GODWIT_ISA: caps the instruction set like --isa. GODWIT_THREADS: default of --threads. …
std::span<const Knob> knobs();
// The value the environment gives, nullopt where unset or empty. `name` must be in knobs().
std::optional<std::string> knob(std::string_view name);

}  // namespace godwit
