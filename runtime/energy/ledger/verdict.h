// The verdict on a result: valid, suspect or invalid, with the reasons.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace godwit::energy {

// Says whether a result may be used. An invalid one prints no joules per image.
struct Verdict {
  enum class State { valid, suspect, invalid };
  State state = State::valid;
  std::vector<std::string> reasons;  // "busy-host", "counter-gap", …; each once

  bool valid() const { return state == State::valid; }
  bool invalid() const { return state == State::invalid; }
  // Adds a reason; the state becomes the worse of the two.
  void suspect(std::string_view reason) { add(State::suspect, reason); }
  void invalidate(std::string_view reason) { add(State::invalid, reason); }

  // "valid", "suspect:busy-host,drift", "invalid:counter-gap".
  std::string to_string() const {
    std::string text(name_of(state));
    for (std::size_t i = 0; i < reasons.size(); ++i) text += (i == 0 ? ":" : ",") + reasons[i];
    return text;
  }

  static constexpr std::string_view name_of(State state) {
    return state == State::valid ? "valid" : state == State::suspect ? "suspect" : "invalid";
  }

 private:
  void add(State worse, std::string_view reason) {
    state = std::max(state, worse);
    if (std::ranges::find(reasons, reason) == reasons.end()) reasons.emplace_back(reason);
  }
};

}  // namespace godwit::energy
