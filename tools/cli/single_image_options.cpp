// Texts of the options that detect and segment share.
#include "tools/cli/single_image_options.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "tools/cli/tuning.h"

namespace godwit::tools {

vision::SingleImageOptions SingleImageArguments::options() const {
  vision::SingleImageOptions result;
  result.compile = engine.compile_options();
  result.reading = reading.preprocess_options(engine.isa);
  result.preprocess = preprocess;
  result.threads = engine.thread_count();
  result.make_plan = [this](const engine::Graph& graph, const engine::CompileOptions& with) {
    return compile_model(graph, model, engine, with);
  };
  return result;
}

ImageResults::Form SingleImageArguments::form() const {
  using Form = ImageResults::Form;
  return json ? Form::json : json_lines ? Form::json_lines : Form::text;
}

void add_single_image_options(CLI::App& app, SingleImageArguments& arguments, const std::string& names,
                              const std::string& told) {
  app.add_option("--labels", arguments.labels,
                 fmt::format("Names of all classes: one a line, JSON, or a table with a column 'name' (and "
                             "'class'). Default: the model's own ({}).",
                             names))
      ->type_name("FILE");
  add_label_offset_option(app, arguments.label_offset);
  add_preprocess_option(app, arguments.preprocess);
  add_json_option(app, arguments.json);
  add_json_lines_option(
      app, arguments.json_lines,
      fmt::format("one for each image as soon as it is done (file, {}, or file, error)", told));
  add_image_options(app, arguments.reading);
  add_engine_options(app, arguments.engine, true, false);
  add_plan_options(app, arguments.engine);
}

}  // namespace godwit::tools
