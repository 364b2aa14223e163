// A model on inputs of any shape: a session for each shape that came lately, over the same packed weights.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <span>
#include <string>

#include "engine/plan.h"
#include "engine/session.h"
#include "runtime/tensor.h"

namespace godwit::engine {

class DynamicSession {
 public:
  // Kept arenas and results when none is said: 256 MiB.
  static constexpr std::size_t kMostBytes = std::size_t{256} << 20;

  // `plan` is the model for any one shape. Sessions of other shapes are kept while their arenas and results
  // take no more than `most_bytes` together; the one that was used last always is.
  explicit DynamicSession(std::shared_ptr<const Plan> plan, const SessionOptions& options = {},
                          std::size_t most_bytes = kMostBytes);
  ~DynamicSession();
  DynamicSession(const DynamicSession&) = delete;
  DynamicSession& operator=(const DynamicSession&) = delete;

  // Computes the outputs from inputs in the plan's order, of any shapes that the model takes; they are
  // overwritten by the next run. A shape that is not kept is compiled first. Throws Error for another
  // number of inputs, and what Plan::with_shapes() and Session::run() throw; the sessions stay usable.
  std::span<const Tensor> run(std::span<const Tensor> src);

  // The session of the last run. Requires one.
  const Session& session() const { return *sessions_.front().session; }

  struct Counts {
    std::int64_t compiled = 0;  // shapes, those compiled again included
    std::int64_t dropped = 0;
    std::size_t sessions = 0;  // kept
    std::size_t bytes = 0;     // of their arenas and results
  };
  const Counts& counts() const { return counts_; }

 private:
  struct Entry {
    std::map<std::string, Shape> shapes;  // by input
    std::unique_ptr<Session> session;
    std::size_t bytes = 0;
  };
  Entry make(const std::map<std::string, Shape>& shapes) const;
  void trim();

  std::shared_ptr<const Plan> plan_;
  SessionOptions options_;
  std::size_t most_bytes_;
  std::list<Entry> sessions_;  // the one used last in front
  Counts counts_;
};

}  // namespace godwit::engine
