// godwit preprocess: pictures as the tensors that a network is fed, and what each stage of making them costs.
#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <memory>

#include "runtime/error.h"
#include "runtime/image/jpeg.h"
#include "runtime/image/png.h"
#include "runtime/npy.h"
#include "runtime/threads.h"
#include "tools/commands/commands.h"
#include "tools/support/files.h"
#include "tools/support/image_model.h"

namespace godwit::tools {
namespace {

// Pictures made in parallel before they are written.
constexpr std::size_t kChunk = 64;

struct Options {
  std::vector<std::string> images;
  std::string output, preprocess;
  int threads = 0;
  bool uint8 = false, recursive = false, bench = false, json = false;
};

enum Stage : std::size_t { kRead, kDecode, kResize, kNormalize, kStages };
constexpr std::array<std::string_view, kStages> kStageNames = {"read", "decode", "resize", "normalise"};

struct StageTimes {
  std::array<double, kStages> seconds{};
};

image::Image decode(const std::string& bytes, const std::string& path) {
  const std::span file(reinterpret_cast<const std::byte*>(bytes.data()), bytes.size());
  return with_context([&] { return fmt::format("'{}'", path); },
                      [&] {
                        if (image::looks_like_jpeg(file)) return image::decode_jpeg(file, {});
                        if (image::looks_like_png(file)) return image::decode_png(file, {});
                        throw Error("the file is neither a JPEG nor a PNG picture");
                      });
}

// One thread, one picture after the other, a clock between the stages.
int bench_stages(const Options& options, const std::vector<std::string>& paths,
                 const image::Pipeline& pipeline) {
  StageTimes times;
  double pixels = 0, bytes = 0;
  std::size_t good = 0;
  Progress progress("pictures", paths.size());
  const std::size_t size =
      static_cast<std::size_t>(pipeline.crop) * static_cast<std::size_t>(pipeline.crop) * 3;
  std::vector<float> dst(size);
  for (const std::string& path : paths) {
    try {
      std::array<double, kStages + 1> marks{};
      const Stopwatch watch;
      const std::string file =
          read_text(path, static_cast<std::size_t>(image::DecodeLimits{}.max_file_bytes));
      marks[kRead + 1] = watch.seconds();
      const image::Image picture = decode(file, path);
      marks[kDecode + 1] = watch.seconds();
      const image::Image cropped = image::resize_and_crop(picture, pipeline.resize, pipeline.crop);
      marks[kResize + 1] = watch.seconds();
      image::normalize(cropped, pipeline, Layout::nchw, dst);
      marks[kNormalize + 1] = watch.seconds();
      for (std::size_t stage = 0; stage < kStages; ++stage)
        times.seconds[stage] += marks[stage + 1] - marks[stage];
      pixels += static_cast<double>(picture.width) * picture.height;
      bytes += static_cast<double>(file.size());
      ++good;
    } catch (const Error& error) {
      progress.say(error.what());
    }
    progress.advance();
  }
  double total = 0;
  for (const double seconds : times.seconds) total += seconds;
  const double count = std::max(1.0, static_cast<double>(good));
  if (options.json) {
    Json stages = Json::object();
    for (std::size_t i = 0; i < kStages; ++i)
      stages[std::string(kStageNames[i])] = times.seconds[i] * 1e3 / count;
    print_json({{"schema", "godwit.preprocess/1"},
                {"preprocess", pipeline.name},
                {"images", good},
                {"threads", 1},
                {"mean_file_bytes", bytes / count},
                {"mean_pixels", pixels / count},
                {"stage_ms_per_image", std::move(stages)},
                {"seconds", total},
                {"images_per_second", total > 0 ? static_cast<double>(good) / total : 0}});
  } else {
    Table table({{"stage", Table::Align::left}, {"ms/image"}, {"share"}});
    for (std::size_t i = 0; i < kStages; ++i) {
      table.add({std::string(kStageNames[i]), fmt::format("{:.3f}", times.seconds[i] * 1e3 / count),
                 fmt::format("{:.1f}%", total > 0 ? 100 * times.seconds[i] / total : 0)});
    }
    table.add({"all", fmt::format("{:.3f}", total * 1e3 / count), ""});
    print(table.to_string() +
          fmt::format("{} pictures of {:.0f} kB and {} pixels on average, 1 thread: {:.1f} images/s\n", good,
                      bytes / count / 1e3, with_prefix(pixels / count),
                      total > 0 ? static_cast<double>(good) / total : 0));
  }
  return good == paths.size() ? kDone : kFailed;
}

// The cropped pixels of pictures paths[i] at dst + i × the size of one, in parallel.
void crop_images(std::span<const std::string> paths, const image::Pipeline& pipeline, int threads,
                 std::span<std::uint8_t> dst, std::span<std::string> errors) {
  const std::size_t size = dst.size() / paths.size();
  run_team(std::min(threads, static_cast<int>(paths.size())), [&](const Worker& worker) {
    for (auto i = static_cast<std::size_t>(worker.index); i < paths.size();
         i += static_cast<std::size_t>(worker.count)) {
      try {
        errors[i].clear();
        const image::Image picture =
            image::resize_and_crop(image::read_image(paths[i]), pipeline.resize, pipeline.crop);
        std::ranges::copy(picture.pixels, dst.subspan(i * size, size).begin());
      } catch (const std::exception& error) {
        errors[i] = error.what();
      }
    }
  });
}

// A picture that cannot be read stops the work: rows of the file must be the pictures in order.
template <class T, class Fill>
void write_all(const std::vector<std::string>& paths, std::size_t size, NpyWriter& writer, const Fill& fill) {
  Progress progress("pictures", paths.size());
  std::vector<T> values(std::min(kChunk, paths.size()) * size);
  std::vector<std::string> errors(kChunk);
  for (std::size_t begin = 0; begin < paths.size(); begin += kChunk) {
    const std::size_t count = std::min(kChunk, paths.size() - begin);
    const std::span<T> chunk = std::span(values).first(count * size);
    fill(std::span(paths).subspan(begin, count), chunk, std::span(errors).first(count));
    for (std::size_t i = 0; i < count; ++i) {
      if (!errors[i].empty()) throw Error(errors[i]);
    }
    writer.append(std::span<const T>(chunk));
    progress.advance(count);
  }
  writer.finish();
}

int write_tensors(const Options& options, const std::vector<std::string>& paths,
                  const image::Pipeline& pipeline) {
  EngineOptions engine;
  engine.threads = options.threads;
  const int threads = engine.thread_count();
  const auto count = static_cast<std::int64_t>(paths.size());
  const std::int64_t crop = pipeline.crop;
  const auto size = static_cast<std::size_t>(3 * crop * crop);
  const Shape shape = options.uint8 ? Shape{count, crop, crop, 3} : Shape{count, 3, crop, crop};
  const Stopwatch watch;
  NpyWriter writer(options.output, shape, options.uint8 ? DType::u8 : DType::f32);
  if (options.uint8) {
    write_all<std::uint8_t>(paths, size, writer, [&](auto part, auto dst, auto errors) {
      crop_images(part, pipeline, threads, dst, errors);
    });
  } else {
    write_all<float>(paths, size, writer, [&](auto part, auto dst, auto errors) {
      preprocess_images(part, pipeline, Layout::nchw, threads, dst, errors);
    });
  }
  const double seconds = watch.seconds();
  const std::string_view dtype = options.uint8 ? "u8" : "f32";
  if (options.json) {
    print_json({{"schema", "godwit.preprocess/1"},
                {"preprocess", pipeline.name},
                {"images", count},
                {"threads", threads},
                {"output", options.output},
                {"dtype", dtype},
                {"shape", shape.dims()},
                {"seconds", seconds},
                {"images_per_second", static_cast<double>(count) / seconds}});
  } else {
    message(fmt::format("'{}': {} {} in {:.2f} s, {:.1f} images/s, {} threads", options.output, dtype,
                        shape.to_string(), seconds, static_cast<double>(count) / seconds, threads));
  }
  return kDone;
}

int preprocess(const Options& options) {
  if (options.output.empty() == !options.bench) {
    throw Error("pass either --output FILE.npy to write tensors or --bench to time the stages");
  }
  if (options.bench && options.uint8) throw Error("--bench times all stages; --uint8 goes with --output");
  const image::Pipeline pipeline = find_pipeline(options.preprocess, {});
  const std::vector<std::string> paths = find_images(options.images, options.recursive);
  return options.bench ? bench_stages(options, paths, pipeline) : write_tensors(options, paths, pipeline);
}

std::function<int()> prepare(CLI::App& app) {
  auto options = std::make_shared<Options>();
  options->preprocess = "torch";
  app.add_option(
         "IMAGE", options->images,
         "Pictures (JPEG or PNG, told by their content) and folders of them; a folder's files are taken in "
         "sorted order.")
      ->required();
  app.add_option("--output", options->output, "Write the tensors here: f32, N x 3 x crop x crop.")
      ->type_name("FILE.npy");
  app.add_flag(
      "--uint8", options->uint8,
      "Write the resized and cropped pixels before normalising instead: u8, N x crop x crop x 3, RGB.");
  app.add_flag(
      "--bench", options->bench,
      "Time the stages read, decode, resize (with crop) and normalise on one thread instead of writing.");
  app.add_option("--preprocess", options->preprocess,
                 "What to do to a picture: torch, torch-v2, caffe, tf, or a JSON file with any of preset, "
                 "resize, crop, order, scale, mean, std.")
      ->type_name("PRESET|FILE")
      ->default_str("torch");
  app.add_flag("--recursive", options->recursive, "Also take the pictures in folders below the ones named.");
  add_json_option(app, options->json);
  add_threads_option(app, options->threads);
  return [options] { return preprocess(*options); };
}

}  // namespace

const Command preprocess_command = {
    "preprocess",
    "Use a model",
    "turn pictures into a network's input tensors",
    "IMAGE|DIR... --output X.npy [options]",
    "Does what torchvision's Resize, CenterCrop and Normalize do on Pillow images, to the last bit up to the "
    "cropped pixels. The rows of the output are the pictures in the order given, a folder's in sorted "
    "order; one that cannot be read ends the command.",
    "godwit preprocess photographs --output x.npy --preprocess caffe\n"
    "godwit preprocess photographs --output pixels.npy --uint8 --preprocess torch-v2\n"
    "godwit preprocess photographs --bench",
    prepare,
};

}  // namespace godwit::tools
