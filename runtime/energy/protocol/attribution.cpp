// Dividing joules among layers, and measuring layers one by one.
#include "runtime/energy/protocol/attribution.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "runtime/error.h"

namespace godwit::energy {
namespace {

using Matrix = std::vector<std::vector<double>>;

// Solves the normal equations of the columns in `active`; small and dense, with partial pivoting.
std::vector<double> solve(const Matrix& gram, const std::vector<double>& right,
                          const std::vector<std::size_t>& active) {
  const std::size_t n = active.size();
  Matrix a(n, std::vector<double>(n + 1));
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j) a[i][j] = gram[active[i]][active[j]];
    a[i][n] = right[active[i]];
  }
  for (std::size_t i = 0; i < n; ++i) {
    std::size_t pivot = i;
    for (std::size_t r = i + 1; r < n; ++r) {
      if (std::abs(a[r][i]) > std::abs(a[pivot][i])) pivot = r;
    }
    std::swap(a[i], a[pivot]);
    if (std::abs(a[i][i]) < 1e-12) continue;  // two activities that go hand in hand: the first has it all
    for (std::size_t r = 0; r < n; ++r) {
      if (r == i) continue;
      const double factor = a[r][i] / a[i][i];
      for (std::size_t c = i; c <= n; ++c) a[r][c] -= factor * a[i][c];
    }
  }
  std::vector<double> x(n);
  for (std::size_t i = 0; i < n; ++i) x[i] = std::abs(a[i][i]) < 1e-12 ? 0 : a[i][n] / a[i][i];
  return x;
}

// Lawson and Hanson's active set on normal equations; columns are scaled to length one by the caller.
std::vector<double> non_negative(const Matrix& gram, const std::vector<double>& right) {
  const std::size_t n = right.size();
  std::vector<double> x(n, 0.0);
  std::vector<bool> passive(n, false);
  for (std::size_t round = 0; round < 3 * n + 3; ++round) {
    std::size_t best = n;
    double steepest = 1e-10;
    for (std::size_t j = 0; j < n; ++j) {
      if (passive[j]) continue;
      double gradient = right[j];
      for (std::size_t k = 0; k < n; ++k) gradient -= gram[j][k] * x[k];
      if (gradient > steepest) {
        steepest = gradient;
        best = j;
      }
    }
    if (best == n) break;
    passive[best] = true;
    for (;;) {
      std::vector<std::size_t> active;
      for (std::size_t j = 0; j < n; ++j) {
        if (passive[j]) active.push_back(j);
      }
      const std::vector<double> trial = solve(gram, right, active);
      double step = 1;
      for (std::size_t i = 0; i < active.size(); ++i) {
        if (trial[i] > 0) continue;
        const double from = x[active[i]];
        step = std::min(step, from / std::max(1e-300, from - trial[i]));
      }
      for (std::size_t i = 0; i < active.size(); ++i) x[active[i]] += step * (trial[i] - x[active[i]]);
      if (step >= 1) break;
      for (const std::size_t j : active) {
        if (x[j] <= 1e-14) {
          x[j] = 0;
          passive[j] = false;
        }
      }
    }
  }
  return x;
}

// Every row weighs the same, however small its layer: rows are divided by their joules. Layers have names;
// an empty one leaves none out.
std::vector<double> fit(std::span<const ActivityRow> rows, std::string_view left_out) {
  const std::size_t n = rows[0].activity.size();
  std::vector<double> scale(n, 0.0);
  for (std::size_t r = 0; r < rows.size(); ++r) {
    if (rows[r].name == left_out) continue;
    for (std::size_t j = 0; j < n; ++j) scale[j] += std::pow(rows[r].activity[j] / rows[r].joules, 2);
  }
  for (double& value : scale) value = value > 0 ? std::sqrt(value) : 1;
  Matrix gram(n, std::vector<double>(n, 0.0));
  std::vector<double> right(n, 0.0);
  for (std::size_t r = 0; r < rows.size(); ++r) {
    if (rows[r].name == left_out) continue;
    for (std::size_t j = 0; j < n; ++j) {
      const double value = rows[r].activity[j] / rows[r].joules / scale[j];
      right[j] += value;
      for (std::size_t k = 0; k < n; ++k)
        gram[j][k] += value * rows[r].activity[k] / rows[r].joules / scale[k];
    }
  }
  std::vector<double> result = non_negative(gram, right);
  for (std::size_t j = 0; j < n; ++j) result[j] /= scale[j];
  return result;
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
  const auto predict = [](const std::vector<double>& coefficients, const ActivityRow& row) {
    return std::inner_product(coefficients.begin(), coefficients.end(), row.activity.begin(), 0.0);
  };
  ActivityModel model;
  model.joules_per = fit(rows, "");
  for (std::size_t r = 0; r < rows.size(); ++r) {
    model.predicted.push_back(predict(model.joules_per, rows[r]));
    model.error.push_back(predict(fit(rows, rows[r].name), rows[r]) / rows[r].joules - 1);
  }
  return model;
}

double process_share(double own_cpu_s, double busy_cpu_s) {
  return busy_cpu_s > 0 ? std::clamp(own_cpu_s / busy_cpu_s, 0.0, 1.0) : 1.0;
}

}  // namespace godwit::energy
