// Implementations that the steps of a plan use, where those are settled beforehand.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "engine/batch_schedule.h"
#include "engine/graph.h"
#include "engine/pass.h"

namespace godwit::engine {

struct Choice {
  std::string implementation;  // "conv_winograd4"
  // Seconds for one image that a trial took with each implementation; empty where there was none.
  std::map<std::string, double> seconds = {};
};

// By the step's name; steps of the same name get the same one. Steps that are not named choose by themselves.
struct Choices {
  std::map<std::string, Choice> steps = {};
  // Precision of the plan that they are for, which compile() then insists on; automatic: of any.
  Precision precision = Precision::automatic;
  // Schedules of sessions, by images and threads; others choose by an estimate.
  std::vector<ScheduleChoice> schedules = {};
};

// The name of the step that this node becomes: its last origin's, or its own where it stems from no node of
// the model.
const std::string& step_name(const Node& node);

// The implementation chosen for the node; empty where none is, or `choices` is null.
std::string_view forced_implementation(const Choices* choices, const Node& node);

// Text that two nodes share only when they do the same work on other numbers: op, attributes, epilogue, and
// the descriptions of operands (which of them are constant) and results.
std::string signature_of(const ops::OpDef& op, const ops::NodeView& view);

}  // namespace godwit::engine
