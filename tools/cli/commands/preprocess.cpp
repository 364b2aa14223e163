// godwit preprocess: images as the tensors that a network is fed, and what each stage of making them costs.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <limits>
#include <memory>
#include <nlohmann/json.hpp>
#include <type_traits>

#include "runtime/error.h"
#include "runtime/npy.h"
#include "runtime/stopwatch.h"
#include "runtime/two_stage_pipeline.h"
#include "tools/bench/stage_bench.h"
#include "tools/cli/commands/commands.h"
#include "tools/cli/image_options.h"
#include "tools/cli/interruptible.h"
#include "tools/cli/options.h"
#include "tools/cli/output_files.h"
#include "tools/report/console.h"
#include "tools/report/interrupt.h"
#include "tools/report/json.h"
#include "tools/report/text.h"
#include "tools/vision/failure_text.h"
#include "tools/vision/fast_difference.h"
#include "tools/vision/image_input.h"
#include "tools/vision/image_source.h"

namespace godwit::tools {
namespace {

// Images that are written at a time.
constexpr std::size_t kBatch = 16;
// Images looked at both ways for --decode fast when tensors are written.
constexpr std::size_t kCompared = 64;

struct Options {
  vision::ImageArguments images;
  ImageOptions reading;
  image::PreprocessChoice preprocess;
  std::string output, isa;
  int threads = 0;
  bool uint8 = false, bench = false, json = false, json_lines = false;
};

void print_times(const Options& options, const image::Pipeline& pipeline, const StageTimes& times,
                 const Json& warned, bool partial) {
  const double bare_share = times.jpeg > 0 ? times.bare / times.jpeg : 0;
  const double count = std::max(1.0, static_cast<double>(times.good));
  if (options.json) {
    Json stages = Json::object();
    for (std::size_t i = 0; i < kStageNames.size(); ++i) {
      stages[std::string(kStageNames[i])] = times.per_image_ms(times.stage(i));
    }
    Json json = {{"schema", "godwit.preprocess/1"},
                 {"preprocess", pipeline.name},
                 {"pipeline", Json::parse(image::text_of(pipeline))},
                 {"images", times.good},
                 {"threads", 1},
                 {"mean_file_bytes", times.bytes / count},
                 {"mean_pixels", times.pixels / count},
                 {"stage_ms_per_image", std::move(stages)},
                 {"bare_decode_ms_per_image", times.per_image_ms(times.bare)},
                 {"share_of_bare_decode", bare_share},
                 {"seconds", times.total()},
                 {"images_per_second", times.images_per_second()},
                 {"warned", warned}};
    if (partial) json["partial"] = true;
    return print_json(json);
  }
  Table table({{"stage", Table::Align::left}, {"ms/image"}, {"share"}});
  for (std::size_t i = 0; i < kStageNames.size(); ++i) {
    table.add({std::string(kStageNames[i]), fmt::format("{:.3f}", times.per_image_ms(times.stage(i))),
               fmt::format("{:.1f}%", times.total() > 0 ? 100 * times.stage(i) / times.total() : 0)});
  }
  table.add({"all", fmt::format("{:.3f}", times.per_image_ms(times.total())), ""});
  std::string text =
      table.to_string() + fmt::format("{} of {:.0f} kB and {} pixels on average, 1 thread: {:.1f} images/s\n",
                                      counted(times.good, "image"), times.bytes / count / 1e3,
                                      with_prefix(times.pixels / count), times.images_per_second());
  if (times.bare > 0) {
    text += fmt::format("bare full decode by libjpeg-turbo {:.3f} ms/image: {:.2f} of its rate\n",
                        times.per_image_ms(times.bare), bare_share);
  }
  print(text);
}

// Adds what the decoder has to tell of an image that was read: {file, warnings}.
void add_warned(Json& warned, const std::string& path, const std::string& error,
                const std::vector<std::string>& warnings) {
  if (error.empty() && !warnings.empty()) warned.push_back({{"file", path}, {"warnings", warnings}});
}

// One thread, one image after the other.
int bench_stages(const Options& options, vision::ImageSource& source, const image::Pipeline& pipeline) {
  StageTimes times;
  Progress progress("images", source.total());
  ImageLog log(progress, options.reading.strict);
  StageBench bench(pipeline, options.reading.preprocess_options(options.isa));
  InterruptibleSource images(source);
  Json warned = Json::array();
  std::string path;
  while (images.next(path)) {
    std::string bad;
    try {
      bench.measure(path, times);
    } catch (const Error& error) {
      bad = error.what();
    }
    const std::vector<std::string> warnings = bad.empty() ? bench.warnings() : std::vector<std::string>{};
    log.good(path, bad, warnings);
    add_warned(warned, path, bad, warnings);
    progress.advance();
  }
  progress.clear();
  print_times(options, pipeline, times, warned, images.cut_short());
  images.tell(times.good + log.failed());
  if (images.cut_short()) return interrupt_exit_code();
  return log.failed() == 0 ? kDone : kFailed;
}

// Images of one batch on their way into the file.
template <class T>
struct Batch {
  std::vector<T> values;
  std::vector<std::string> paths, errors;
  std::vector<std::vector<std::string>> warnings;
};

// Fate of the images of a file.
struct Written {
  std::size_t images = 0, failed = 0;
  Json warned = Json::array();
  bool cut_short = false;  // and no file was written
};

void print_line(const std::string& path, std::size_t row, const std::string& error,
                const std::vector<std::string>& warnings) {
  Json line = {{"file", path}, {"row", row}};
  if (!error.empty()) line["error"] = error;
  if (!warnings.empty()) line["warnings"] = warnings;
  print_json(line);
}

// Rows of the file are the images in order; one that cannot be read leaves a row of `missing`.
template <class T>
Written write_all(const Options& options, vision::ImageSource& source, int threads,
                  const image::Pipeline& pipeline, const image::ValueTable<T>& table, Layout layout,
                  T missing, NpyWriter& writer) {
  const std::size_t size = pipeline.elements();
  const image::PreprocessOptions reading = options.reading.preprocess_options(options.isa);
  const int slots = threads / static_cast<int>(kBatch) + 2;
  std::vector<Batch<T>> batches(static_cast<std::size_t>(slots));
  std::vector<std::unique_ptr<image::Preprocessor>> preprocessors(static_cast<std::size_t>(threads));
  Progress progress("images", source.total());
  ImageLog log(progress, options.reading.strict);
  InterruptibleSource images(source);
  Written written;

  PipelineStages stages;
  stages.take = [&](int slot, std::size_t place) {
    Batch<T>& batch = batches[static_cast<std::size_t>(slot)];
    if (batch.values.empty()) {
      batch.values.resize(kBatch * size);
      batch.paths.resize(kBatch);
      batch.errors.resize(kBatch);
      batch.warnings.resize(kBatch);
    }
    return images.next(batch.paths[place]);
  };
  stages.prepare = [&](int worker, int slot, std::size_t place) {
    Batch<T>& batch = batches[static_cast<std::size_t>(slot)];
    auto& preprocessor = preprocessors[static_cast<std::size_t>(worker)];
    if (preprocessor == nullptr) preprocessor = std::make_unique<image::Preprocessor>(pipeline, reading);
    const std::span<T> dst = std::span(batch.values).subspan(place * size, size);
    batch.errors[place].clear();
    batch.warnings[place].clear();
    try {
      preprocessor->run<T>(batch.paths[place], layout, table, dst);
      batch.warnings[place] = preprocessor->warnings();
    } catch (const std::exception& error) {
      batch.errors[place] = vision::failure_text(error);
      std::ranges::fill(dst, missing);
    }
  };
  stages.work = [](int, int, int, std::size_t) {};
  stages.deliver = [&](int slot, std::size_t count) {
    const Batch<T>& batch = batches[static_cast<std::size_t>(slot)];
    for (std::size_t i = 0; i < count; ++i) {
      log.good(batch.paths[i], batch.errors[i], batch.warnings[i]);
      add_warned(written.warned, batch.paths[i], batch.errors[i], batch.warnings[i]);
      if (!options.json_lines) continue;
      progress.clear();
      print_line(batch.paths[i], written.images + i, batch.errors[i], batch.warnings[i]);
    }
    written.images += count;
    writer.append(std::span<const T>(batch.values).first(count * size));
    progress.advance(count);
  };
  run_two_stage_pipeline({threads, 1, slots, kBatch}, stages);
  written.cut_short = images.cut_short();
  written.failed = log.failed();
  progress.clear();
  if (!written.cut_short) writer.finish();
  images.tell(written.images, "no file was written");
  return written;
}

int write_tensors(const Options& options, vision::ImageSource& source, const image::Pipeline& pipeline) {
  EngineOptions engine;
  engine.threads = options.threads;
  const int threads = engine.thread_count();
  const auto count = static_cast<std::int64_t>(source.paths().size());
  const std::int64_t height = pipeline.crop.height, width = pipeline.crop.width, channels = pipeline.channels;
  const Shape shape =
      options.uint8 ? Shape{count, height, width, channels} : Shape{count, channels, height, width};
  if (options.reading.fast()) {
    message("--decode fast: " + vision::compare_fast(source.paths(), kCompared, pipeline,
                                                     options.reading.preprocess_options(),
                                                     stop_if_interrupted)
                                    .to_string());
  }
  const Stopwatch watch;
  NpyWriter writer(options.output, shape, options.uint8 ? DType::u8 : DType::f32);
  // Pixels are written as they are, in the image's own order of colours.
  image::Pipeline pixels = pipeline;
  pixels.order = image::ChannelOrder::rgb;
  const Written written =
      options.uint8 ? write_all<std::uint8_t>(options, source, threads, pixels, image::pixel_table(),
                                              Layout::nhwc, 0, writer)
                    : write_all<float>(options, source, threads, pipeline, image::value_table(pipeline),
                                       Layout::nchw, std::numeric_limits<float>::quiet_NaN(), writer);
  const double seconds = watch.seconds();
  const std::string_view dtype = options.uint8 ? "u8" : "f32";
  const double rate = static_cast<double>(written.images) / seconds;
  if (options.json) {
    Json json = {{"schema", "godwit.preprocess/1"},
                 {"preprocess", pipeline.name},
                 {"pipeline", Json::parse(image::text_of(pipeline))},
                 {"images", written.images},
                 {"failed", written.failed},
                 {"warned", written.warned},
                 {"threads", threads},
                 {"output", options.output},
                 {"dtype", dtype},
                 {"shape", shape.dims()},
                 {"seconds", seconds},
                 {"images_per_second", rate}};
    if (written.cut_short) {
      json["output"] = nullptr;
      json["partial"] = true;
    }
    print_json(json);
  } else if (!written.cut_short) {
    message(fmt::format("'{}': {} {} in {:.2f} s, {:.1f} images/s, {}", options.output, dtype,
                        shape.to_string(), seconds, rate, counted(threads, "thread")));
  }
  if (written.cut_short) return interrupt_exit_code();
  if (written.failed == 0) return kDone;
  message(fmt::format("{} could not be read; {} {}", counted(written.failed, "image"),
                      written.failed == 1 ? "its row is" : "their rows are", options.uint8 ? "0" : "NaN"));
  return kFailed;
}

int preprocess(const Options& options) {
  if (options.output.empty() == !options.bench) {
    throw Error("pass either --output FILE.npy to write tensors or --bench to time the stages");
  }
  if (options.bench && options.json_lines) throw Error("--json-lines goes with --output");
  if (options.bench && options.uint8) throw Error("--bench times all stages; --uint8 goes with --output");
  const image::Pipeline pipeline = vision::find_pipeline(options.preprocess, {});
  vision::ImageSource source(options.images, interruptible_stdin());
  if (!options.bench) {
    check_output(options.output, source.paths());
    check_output(options.output, std::array{options.preprocess.preset_or_file});
  }
  return options.bench ? bench_stages(options, source, pipeline) : write_tensors(options, source, pipeline);
}

std::function<int()> prepare(CLI::App& app) {
  auto options = std::make_shared<Options>();
  options->preprocess = "torch";
  add_image_arguments(app, options->images);
  app.add_option("--output", options->output,
                 "Write the tensors here: f32, N x 3 x height x width of the crop.")
      ->type_name("FILE.npy");
  app.add_flag(
      "--uint8", options->uint8,
      "Write the resized and cropped pixels before normalising instead: u8, N x height x width x 3, RGB.");
  app.add_flag("--bench", options->bench,
               "Time the stages read, decode, resize (with crop) and normalise on one thread instead of "
               "writing, each by "
               "what it adds to those before it, and a bare full decode of every JPEG beside them.");
  app.add_option("--preprocess", options->preprocess.preset_or_file,
                 "What to do to an image: torch, torch-v2, caffe, tf, or a JSON file with any of preset, "
                 "resize, resize_mode, pad, crop, filter, channels, depth, order, scale, mean, std.")
      ->type_name("PRESET|FILE")
      ->default_str("torch");
  add_preprocess_changes(app, options->preprocess.changes);
  add_json_option(app, options->json);
  add_json_lines_option(app, options->json_lines,
                        "one for each image when its row is made (file, row, and error or warnings)");
  add_image_options(app, options->reading);
  add_threads_option(app, options->threads);
  app.add_option(
         "--isa", options->isa,
         "Instruction set of the resizer, at most. Default: GODWIT_ISA, else the best that this CPU has.")
      ->type_name("NAME")
      ->group("Engine options");
  return [options] { return preprocess(*options); };
}

}  // namespace

const Command preprocess_command = {
    "preprocess",
    "Use a model",
    "turn images into a network's input tensors",
    "IMAGE|DIR... --output X.npy [options]",
    "Does what torchvision's Resize, CenterCrop and Normalize do on Pillow images, to the last bit up to the "
    "cropped pixels. The rows of the output are the images in the order given, a folder's in sorted "
    "order; one that cannot be read is named on stderr, its row is NaN (0 with --uint8), and the exit status "
    "is 1. --resize, --resize-mode, --pad, --crop and --channels change the preset; the JSON field pipeline "
    "says what was done. What a decoder had to mend, or gives otherwise than it is stored, is named likewise "
    "(JSON: warned). "
    "Where a signal ends the work early, no file is "
    "written (JSON: output is null, partial is true).",
    "godwit preprocess photographs --output x.npy --preprocess caffe\n"
    "godwit preprocess photographs --output pixels.npy --uint8 --preprocess torch-v2\n"
    "godwit preprocess photographs --output x.npy --resize 640x640 --resize-mode keep-ratio\n"
    "godwit preprocess photographs --bench",
    prepare,
    {},
    "--output --preprocess --resize --resize-mode --uint8 --bench --json",
};

}  // namespace godwit::tools
