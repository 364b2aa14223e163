// Counts names and sorts them by their number.
#include "importers/grouped.h"

#include <algorithm>
#include <fmt/format.h>
#include <functional>

namespace godwit::importers {

std::string grouped(const std::vector<std::string>& names) {
  struct Group {
    std::string name;
    int count = 0;
  };
  std::vector<Group> groups;
  for (const std::string& name : names) {
    const auto found = std::ranges::find(groups, name, &Group::name);
    if (found == groups.end()) {
      groups.push_back({name, 1});
    } else {
      ++found->count;
    }
  }
  std::ranges::stable_sort(groups, std::greater<>(), &Group::count);
  std::string text;
  for (const Group& group : groups)
    text += fmt::format("{}{} x{}", text.empty() ? "" : ", ", group.name, group.count);
  return text;
}

}  // namespace godwit::importers
