// The ledger: one JSON object a line for every run, schema "godwit.energy/1". What was not measured is null,
// never 0, and an estimate stands in a field of its own.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/energy/ledger/quantity.h"
#include "runtime/energy/ledger/verdict.h"

namespace godwit::energy {

inline constexpr std::string_view kLedgerSchema = "godwit.energy/1";

struct Host {
  std::string cpu;
  std::optional<int> sockets;
  std::string kernel;
  std::optional<std::string> virt, governor;  // "kvm"; "performance"
  std::optional<bool> boost;
};

struct ModelFacts {
  std::string file;  // as it was named, without its folder
  std::string file_sha256;
  std::string precision = "f32";
  std::string isa;
  std::int64_t batch = 1;
  int threads = 1;
  // Operations of one image; 1 MAC = 2 FLOPs.
  std::optional<std::int64_t> macs, flops;
};

struct Protocol {
  std::string name = "std";
  std::int64_t rounds = 0, repetitions = 0;
  std::vector<double> window_s;  // one for each round
  double warmup_s = 0;
  std::string method;  // how the figure was drawn from the sensors, in words; may be empty
};

// A sensor that took part; `role` is "total", "part", "alternate" or "trace".
struct SensorUse {
  std::string id, domain, kind, role;
  std::optional<double> unit_j;
  std::optional<std::int64_t> reads, changed, wraps;
  std::optional<double> gap_max_s;
  std::optional<double> disagreement;  // relative, of an alternate against the sensor used
};

// Standard uncertainties in joules; those that do not apply are left out.
struct Uncertainty {
  std::optional<double> statistical, baseline, edge, meter;
  std::optional<double> bias;  // nullopt: "unknown"
};

struct MeasuredEnergy {
  Quality quality = Quality::measured;  // never Quality::estimate
  std::string scope;
  Measured<Joules> gross{Joules{}};
  std::optional<Measured<Joules>> net;  // gross less the baseline's power over the window
  std::optional<Interval> ci95_j;       // of net where there is one, else of gross
  Uncertainty uncertainty;
  // This process's part on a busy host, by CPU seconds: beside the figures above, never in their place.
  std::optional<Measured<Joules>> attributed_net;
  std::optional<double> attributed_share;
};

struct EstimatedEnergy {
  std::string method;  // "cpu" or "trend"
  Estimated<Joules> total{Joules{}, Joules{}, Joules{}};
  std::string basis;  // inputs in words: TDP, host CPUs, profile with host, date and error
};

struct Baseline {
  double before_w = 0;
  std::optional<double> after_w, ci95_w;
};

struct Throughput {
  double img_s = 0;
  std::optional<double> p50_ms, p99_ms;
};

struct Accuracy {
  double top1 = 0;  // percent
  std::optional<double> top5;
  std::string set;
};

// `method` is "time", "replay" or "activity".
struct LayerEnergy {
  std::string name, method;
  std::optional<double> gross_mj, net_mj, share;  // per image; share of the whole
  std::optional<double> seconds;                  // per image
  std::optional<std::int64_t> macs;
  std::optional<double> error;  // relative; leave-one-layer-out of "activity"
};

struct Price {
  double per_kwh = 0;
  std::string currency, source;
};

struct Carbon {
  std::optional<double> g_per_kwh;
  std::string source;
};

struct CapUse {
  std::string backend;  // "powercap", "cpufreq" or "threads"
  std::optional<double> set_w, previous_w;
  std::optional<bool> restored;
  std::string detail;
};

// One run. Per-image, price and carbon figures are not stored: the writer derives them from energy, images,
// price and carbon, so that no two of them can disagree.
struct Record {
  std::string run, time;  // new_run_id(), utc_time()
  Host host;
  ModelFacts model;
  Protocol protocol;
  std::vector<SensorUse> sensors;
  std::optional<MeasuredEnergy> energy;  // nullopt: nothing was measured
  std::optional<EstimatedEnergy> estimate;
  std::optional<Baseline> baseline;
  std::int64_t images = 0;            // that `energy` covers
  std::optional<double> cpu_seconds;  // over all of them
  std::optional<Throughput> throughput;
  std::optional<Accuracy> accuracy;
  std::vector<LayerEnergy> layers;
  std::optional<double> closure;  // sum of replays / end to end
  std::optional<Price> price;
  Carbon carbon;
  double pue = 1.0;
  std::optional<CapUse> cap;
  Verdict verdict;
  // The JSON text the record was read from; fields in it that this build does not know are written again.
  std::string source;
};

// Joules of one image as they may be printed: nullopt where nothing was measured, where no images were
// counted, and where the verdict is invalid. The net figure where `net`, else the gross one.
std::optional<Measured<Joules>> joules_per_image(const Record& record, bool net);
// Likewise of the estimate.
std::optional<Estimated<Joules>> estimated_joules_per_image(const Record& record);

// One line of JSON without its end. Numbers that are not finite become null.
std::string to_json_text(const Record& record);
// Throws Error that says which field is wrong; `where` names the text ("'runs.jsonl' line 3").
Record record_from_json(std::string_view text, const std::string& where);

// All records of a ledger's text, empty lines skipped. Throws Error naming source and line.
std::vector<Record> parse_ledger(std::string_view text, const std::string& source);
// True when the text's first line is a record of a ledger of any version.
bool looks_like_ledger(std::string_view text);

// Adds a line to the file in one piece, made where it is not there: two processes that append at once never
// mix their lines, and a line that a full disk cut short is taken back. Throws Error (ErrorKind::failed).
void append_record(const std::string& path, const Record& record);

// A ULID: 26 characters that sort by time; and the time now, "2026-11-21T03:30:00Z".
std::string new_run_id();
std::string utc_time();

}  // namespace godwit::energy
