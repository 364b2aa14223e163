// The sessions used least lately go first.
#include "engine/dynamic_session.h"

#include <algorithm>
#include <fmt/format.h>
#include <utility>

#include "runtime/error.h"

namespace godwit::engine {

DynamicSession::DynamicSession(std::shared_ptr<const Plan> plan, const SessionOptions& options,
                               std::size_t most_bytes)
    : plan_(std::move(plan)), options_(options), most_bytes_(most_bytes) {}

DynamicSession::~DynamicSession() = default;

DynamicSession::Entry DynamicSession::make(const std::map<std::string, Shape>& shapes) const {
  const bool own = std::ranges::all_of(
      plan_->inputs(), [&](const PlanInput& input) { return shapes.at(input.name) == input.desc.shape; });
  Entry entry{shapes, std::make_unique<Session>(own ? plan_ : plan_->with_shapes(shapes), options_), 0};
  entry.bytes = entry.session->arena_bytes();
  for (const PlanInput& output : entry.session->plan().step_outputs())
    entry.bytes += output.desc.most_bytes();
  return entry;
}

void DynamicSession::trim() {
  while (sessions_.size() > 1 && counts_.bytes > most_bytes_) {
    counts_.bytes -= sessions_.back().bytes;
    sessions_.pop_back();
    ++counts_.dropped;
  }
  counts_.sessions = sessions_.size();
}

std::span<const Tensor> DynamicSession::run(std::span<const Tensor> src) {
  const std::vector<PlanInput>& inputs = plan_->inputs();
  if (src.size() != inputs.size())
    throw Error(fmt::format("{} inputs are given, expected {}", src.size(), inputs.size()));
  std::map<std::string, Shape> shapes;
  for (std::size_t i = 0; i < src.size(); ++i) shapes[inputs[i].name] = src[i].shape();
  const auto kept =
      std::ranges::find_if(sessions_, [&](const Entry& entry) { return entry.shapes == shapes; });
  if (kept != sessions_.end()) {
    sessions_.splice(sessions_.begin(), sessions_, kept);
  } else {
    sessions_.push_front(make(shapes));
    counts_.bytes += sessions_.front().bytes;
    ++counts_.compiled;
    trim();
  }
  return sessions_.front().session->run(src);
}

}  // namespace godwit::engine
