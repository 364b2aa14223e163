// Names of qualities and scopes.
#include "runtime/energy/ledger/quantity.h"

#include <array>

namespace godwit::energy {
namespace {

constexpr std::array<std::string_view, 6> kQualities = {"measured",        "measured-replay", "external",
                                                        "host-attributed", "attributed",      "estimate"};
constexpr std::array<std::string_view, 10> kDomains = {"package", "core",           "uncore", "dram", "psys",
                                                       "board",   "system-battery", "wall",   "dc",   "usb"};

}  // namespace

std::string_view name_of(Quality quality) { return kQualities[static_cast<std::size_t>(quality)]; }

std::optional<Quality> quality_of(std::string_view name) {
  for (std::size_t i = 0; i < kQualities.size(); ++i) {
    if (kQualities[i] == name) return static_cast<Quality>(i);
  }
  return std::nullopt;
}

std::string_view name_of(Domain domain) { return kDomains[static_cast<std::size_t>(domain)]; }

std::string scope_of(std::span<const Domain> domains) {
  std::array<bool, kDomains.size()> present{};
  for (const Domain domain : domains) present[static_cast<std::size_t>(domain)] = true;
  std::string scope;
  for (std::size_t i = 0; i < kDomains.size(); ++i) {
    if (!present[i]) continue;
    if (!scope.empty()) scope += '+';
    scope += kDomains[i];
  }
  return scope;
}

}  // namespace godwit::energy
