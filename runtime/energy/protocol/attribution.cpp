// Dividing joules among layers, and measuring layers one by one.
#include "runtime/energy/protocol/attribution.h"

#include <Eigen/QR>
#include <algorithm>
#include <cmath>

#include "runtime/error.h"

namespace godwit::energy {
namespace {

Eigen::Map<const Eigen::VectorXd> activity_of(const ActivityRow& row) {
  return {row.activity.data(), static_cast<Eigen::Index>(row.activity.size())};
}

// The x with the least |A x - b| of which only `columns` may differ from 0. Of columns that go hand in hand,
// as one cannot tell them apart, one has it all.
Eigen::VectorXd least_squares(const Eigen::MatrixXd& a, const std::vector<Eigen::Index>& columns,
                              const Eigen::VectorXd& b) {
  constexpr double kHandInHand = 1e-6;  // the part of a column that the others do not explain
  Eigen::ColPivHouseholderQR<Eigen::MatrixXd> qr;
  qr.setThreshold(kHandInHand);
  return qr.compute(a(Eigen::seqN(0, a.rows()), columns)).solve(b);
}

// The x >= 0 with the least |A x - b|, by the active set of Lawson and Hanson (1974, chapter 23). The columns
// of A have length one.
Eigen::VectorXd non_negative_least_squares(const Eigen::MatrixXd& a, const Eigen::VectorXd& b) {
  constexpr double kLeastGradient = 1e-10;
  Eigen::VectorXd x = Eigen::VectorXd::Zero(a.cols());
  std::vector<Eigen::Index> passive;  // coefficients that may be above 0
  for (Eigen::Index round = 0; round < 3 * a.cols() + 3; ++round) {
    Eigen::VectorXd gradient = a.transpose() * (b - a * x);
    for (const Eigen::Index j : passive) gradient[j] = 0;
    Eigen::Index steepest = 0;
    if (gradient.maxCoeff(&steepest) <= kLeastGradient) break;
    passive.push_back(steepest);
    while (!passive.empty()) {
      const Eigen::VectorXd trial = least_squares(a, passive, b);
      // The step towards the trial ends where the first coefficient would fall below 0.
      double step = 1;
      Eigen::Index first = -1;
      for (std::size_t i = 0; i < passive.size(); ++i) {
        const double from = x[passive[i]], to = trial[static_cast<Eigen::Index>(i)];
        if (to > 0) continue;
        const double reach = from > 0 ? from / (from - to) : 0;
        if (reach >= step) continue;
        step = reach;
        first = passive[i];
      }
      for (std::size_t i = 0; i < passive.size(); ++i)
        x[passive[i]] += step * (trial[static_cast<Eigen::Index>(i)] - x[passive[i]]);
      if (first < 0) break;
      x[first] = 0;
      std::erase_if(passive, [&](Eigen::Index j) { return x[j] <= 0; });
    }
  }
  return x;
}

// Every row weighs the same, however small its layer: rows are divided by their joules. Layers have names;
// an empty one leaves none out.
Eigen::VectorXd fit(std::span<const ActivityRow> rows, std::string_view left_out) {
  Eigen::MatrixXd a(rows.size(), rows[0].activity.size());  // (layers, activities)
  Eigen::Index count = 0;
  for (const ActivityRow& row : rows) {
    if (row.name == left_out) continue;
    a.row(count++) = activity_of(row).transpose() / row.joules;
  }
  a.conservativeResize(count, Eigen::NoChange);
  Eigen::VectorXd length = a.colwise().norm();
  length = (length.array() > 0).select(length, 1);
  a *= length.cwiseInverse().asDiagonal();
  return non_negative_least_squares(a, Eigen::VectorXd::Ones(count)).cwiseQuotient(length);
}

}  // namespace

std::int64_t to_nanojoules(double joules) { return std::llround(joules * 1e9); }

std::vector<EnergyShare> attribute_by_time(Measured<Joules> total, std::span<const TimedPart> parts,
                                           double seconds, double cores) {
  double attributed = 0;
  for (const TimedPart& part : parts) attributed += part.seconds * part.cores;
  // Timers may tell a little more than the wall clock; then nothing is left over.
  const double all = std::max(attributed, seconds * cores);
  const std::int64_t whole = to_nanojoules(total.value());
  std::int64_t left = whole;
  std::vector<EnergyShare> result;
  for (const TimedPart& part : parts) {
    const double share = all > 0 ? part.seconds * part.cores / all : 0;
    const auto nanojoules = static_cast<std::int64_t>(static_cast<double>(whole) * share);
    left -= nanojoules;
    result.push_back({part.name, static_cast<double>(nanojoules) * 1e-9, share});
  }
  result.push_back({"unattributed", static_cast<double>(left) * 1e-9, all > 0 ? 1 - attributed / all : 1});
  return result;
}

std::vector<Replay> replay(std::span<const ReplayItem> items, Clock& clock, Recorder& recorder, double idle_w,
                           double seconds) {
  struct Loop {
    Nanoseconds begin, end;
    std::int64_t calls;
  };
  std::vector<Loop> loops;
  {
    const auto ticker = clock.every(recorder.period(), [&recorder] { recorder.read(); });
    for (const ReplayItem& item : items) {
      item.prepare();
      item.run();
      Loop loop = {recorder.read().mono, 0, 0};
      do {
        item.run();
        ++loop.calls;
      } while (clock.now().mono - loop.begin < from_seconds(seconds));
      loop.end = recorder.read().mono;
      loops.push_back(loop);
    }
  }
  const EnergySeries series = recorder.total();
  std::vector<Replay> result;
  for (std::size_t i = 0; i < items.size(); ++i) {
    Replay row;
    row.name = items[i].name;
    row.calls = loops[i].calls;
    row.seconds = to_seconds(loops[i].end - loops[i].begin);
    const auto calls = static_cast<double>(row.calls);
    const double gross = series.joules(loops[i].begin, loops[i].end);
    row.gross_j = gross / calls;
    row.net_j = (gross - idle_w * row.seconds) / calls;
    row.seconds_each = row.seconds / calls;
    result.push_back(std::move(row));
  }
  return result;
}

double closure_of(std::span<const Replay> replays, double whole_net_j) {
  double sum = 0;
  for (const Replay& row : replays) sum += row.net_j;
  return whole_net_j > 0 ? sum / whole_net_j : 0;
}

void judge_closure(double closure, Verdict& verdict) {
  if (std::abs(closure - 1) > 0.1) verdict.suspect("closure");
}

ActivityModel fit_activity(std::span<const ActivityRow> rows) {
  const bool several = std::ranges::any_of(
      rows, [&](const ActivityRow& row) { return row.name != rows.front().name && !row.name.empty(); });
  if (!several) throw Error("a regression on activity needs at least two layers");
  for (const ActivityRow& row : rows) {
    if (row.activity.size() != rows[0].activity.size() || row.activity.empty()) {
      throw Error("the layers of a regression on activity differ in what they count");
    }
    if (!(row.joules > 0)) throw Error("layer '" + row.name + "' has no joules above zero to fit");
  }
  const Eigen::VectorXd joules_per = fit(rows, "");
  ActivityModel model;
  model.joules_per.assign(joules_per.begin(), joules_per.end());
  for (const ActivityRow& row : rows) {
    model.predicted.push_back(joules_per.dot(activity_of(row)));
    model.error.push_back(fit(rows, row.name).dot(activity_of(row)) / row.joules - 1);
  }
  return model;
}

double process_share(double own_cpu_s, double busy_cpu_s) {
  return busy_cpu_s > 0 ? std::clamp(own_cpu_s / busy_cpu_s, 0.0, 1.0) : 1.0;
}

}  // namespace godwit::energy
