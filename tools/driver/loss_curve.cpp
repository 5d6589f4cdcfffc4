#include "tools/driver/loss_curve.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "frontend/formats/atomic_file.h"
#include "tools/driver/child_process.h"
#include "tools/driver/smoothing.h"

namespace gptc::driver {
namespace {

using Points = std::vector<CurvePoint>;

constexpr const char* train_colour = "#1c6ab0";
constexpr const char* faint_colour = "#b5d1ea";
constexpr const char* validation_colour = "#d9541e";
constexpr const char* grey = "#777777";

/// Everything the picture shows, in units of the axes.
struct Curves {
  Points raw;
  Points smoothed;
  Points validation;
  double last_step = 1;
  double low = 0;
  double high = 1;
};

void extend(double& low, double& high, const Points& points) {
  for (const CurvePoint& point : points) {
    low = std::min(low, point.y);
    high = std::max(high, point.y);
  }
}

Curves curves_of(const std::vector<LogRecord>& records, const std::optional<double>& entropy) {
  constexpr std::size_t raw_limit = 3000;
  constexpr std::size_t smooth_limit = 1000;
  Points train;
  Curves curves;
  for (const LogRecord& record : records) {
    const auto x = static_cast<double>(record.step);
    if (std::isfinite(record.loss)) train.push_back({.x = x, .y = record.loss});
    if (record.val_loss && std::isfinite(*record.val_loss))
      curves.validation.push_back({.x = x, .y = *record.val_loss});
    curves.last_step = std::max(curves.last_step, x);
  }
  curves.raw = thin_out(train, raw_limit);
  curves.smoothed = smooth(train, smooth_limit);
  if (train.empty() && curves.validation.empty()) return curves;

  // Noise of the raw curve may leave the picture, but not its first point.
  const double first = train.empty() ? curves.validation.front().y : train.front().y;
  double low = first;
  double high = first;
  extend(low, high, curves.smoothed);
  extend(low, high, curves.validation);
  if (entropy) extend(low, high, {{.x = 0, .y = *entropy}});
  const double margin = std::max(0.06 * (high - low), 0.01 * std::abs(high) + 1e-6);
  curves.low = low - margin;
  curves.high = high + margin;
  return curves;
}

std::string data_block(const char* name, const Points& points) {
  std::string text = fmt::format("${} << END\n", name);
  for (const CurvePoint& point : points) text += fmt::format("{:.7g} {:.7g}\n", point.x, point.y);
  return text + "END\n";
}

/// A string of gnuplot's language that it takes literally.
std::string literal(std::string_view text) {
  std::string out = "'";
  for (const char c : text)
    out += c == '\'' ? "''" : static_cast<unsigned char>(c) < ' ' ? " " : std::string(1, c);
  return out + "'";
}

/// How the steps below the axis are spelt: gnuplot's tics are then never cut to the same text.
std::string step_tics(double last_step) {
  if (last_step < 10) return "set xtics 1\nset format x '%.0f'\n";
  if (last_step < 1e4) return "set format x '%.0f'\n";
  return last_step < 1e6 ? "set format x '%.0s%c'\n" : "set format x '%.1s%c'\n";
}

std::string frame(const Curves& curves, const LossCurveOptions& options) {
  std::string text = fmt::format(
      "set terminal pngcairo noenhanced size 1600,1000 font 'sans,20' background '#ffffff'\n"
      "set border 3 linecolor '{0}' linewidth 1.5\n"
      "set tics nomirror out scale 0.6 textcolor '#444444'\n"
      "set grid ytics linetype 1 linecolor '#e6e6e6' linewidth 1.5\n"
      "set xlabel 'step' textcolor '#222222'\n"
      "set ylabel 'loss (nats per token)' textcolor '#222222' offset -0.5,0\n"
      "set xrange [0:{1:.7g}]\nset yrange [{2:.7g}:{3:.7g}]\n"
      "set format y '%g'\n{4}"
      "set key at graph 1, graph 1.068 right horizontal reverse Left samplen 2 width 1 textcolor "
      "'#222222'\n"
      "set lmargin 10\nset rmargin 8\nset tmargin 3\nset bmargin 4\n",
      grey, curves.last_step, curves.low, curves.high, step_tics(curves.last_step));
  if (!options.title.empty())
    text +=
        fmt::format("set label {} at graph 0, graph 1.045 left font ',23' textcolor '#222222'\n",
                    literal(options.title));
  if (options.unigram_entropy) {
    const double entropy = *options.unigram_entropy;
    text += fmt::format(
        "set arrow from graph 0, first {0:.7g} to graph 1, first {0:.7g} nohead "
        "dashtype (10,8) linewidth 2 linecolor '{1}' back\n"
        "set label 'unigram entropy {0:.2f}' at graph 0.99, first {0:.7g} right offset 0,0.6 "
        "font ',17' textcolor '{1}'\n",
        entropy, grey);
  }
  return text;
}

/// The last values beside the ends of the curves, moved apart where they would overlap.
std::string end_labels(const Curves& curves) {
  struct End {
    double y;
    const char* colour;
  };
  std::vector<End> ends;
  if (!curves.smoothed.empty()) ends.push_back({curves.smoothed.back().y, train_colour});
  if (!curves.validation.empty()) ends.push_back({curves.validation.back().y, validation_colour});
  std::ranges::sort(ends, {}, &End::y);
  const double room = 0.045 * (curves.high - curves.low);
  std::string text;
  double lowest = curves.low;
  if (ends.size() == 2 && ends[1].y - ends[0].y < room)  // share the shift
    lowest = (ends[0].y + ends[1].y - room) / 2;
  for (const End& end : ends) {
    const double y = ends.size() == 2 && ends[1].y - ends[0].y < room ? lowest : end.y;
    lowest = y + room;
    text += fmt::format("set label '{:.2f}' at graph 1.012, first {:.7g} left textcolor '{}'\n",
                        end.y, y, end.colour);
  }
  return text;
}

std::string plot(const Curves& curves) {
  constexpr std::size_t few = 40;
  std::vector<std::string> parts;
  if (curves.raw.size() > few)
    parts.push_back(
        fmt::format("$raw using 1:2 with lines linewidth 1 linecolor '{}' notitle", faint_colour));
  if (!curves.raw.empty())
    parts.push_back(
        fmt::format("$smoothed using 1:2 with {} linewidth 3.5 pointtype 7 pointsize 1.2 "
                    "linecolor '{}' title 'training'",
                    curves.raw.size() > few ? "lines" : "linespoints", train_colour));
  if (!curves.validation.empty())
    parts.push_back(
        fmt::format("$validation using 1:2 with linespoints linewidth 3 pointtype 7 pointsize {} "
                    "linecolor '{}' title 'validation'",
                    curves.validation.size() > few ? 0.8 : 1.6, validation_colour));
  std::string text = "plot ";
  for (const std::string& part : parts) text += (text.size() > 5 ? ", " : "") + part;
  return text + '\n';
}

bool is_png(const std::string& bytes) {
  return bytes.starts_with("\x89PNG\r\n") &&
         bytes.find("IEND", bytes.size() < 12 ? 0 : bytes.size() - 12) != std::string::npos;
}

}  // namespace

std::string loss_curve_script(const std::vector<LogRecord>& records,
                              const LossCurveOptions& options) {
  const Curves curves = curves_of(records, options.unigram_entropy);
  if (curves.raw.empty() && curves.validation.empty()) return "";
  return data_block("raw", curves.raw) + data_block("smoothed", curves.smoothed) +
         data_block("validation", curves.validation) + frame(curves, options) + end_labels(curves) +
         plot(curves);
}

std::optional<std::string> draw_loss_curve(const std::vector<LogRecord>& records,
                                           const std::string& path,
                                           const LossCurveOptions& options) {
  const std::string script = loss_curve_script(records, options);
  if (script.empty()) return "no loss curve: no loss has been logged yet";
  const ChildResult gnuplot = run_child({"gnuplot", "-d", "-"}, script);
  if (!gnuplot.found)
    return "no loss curve: gnuplot is not installed (Debian: apt install gnuplot-nox); the log has "
           "the numbers";
  if (gnuplot.exit_code != 0 || !is_png(gnuplot.output)) {
    const std::size_t start =
        std::min(gnuplot.errors.find_first_not_of(" \n"), gnuplot.errors.size());
    const std::string why = gnuplot.errors.substr(start, gnuplot.errors.find('\n', start) - start);
    return fmt::format("no loss curve: gnuplot failed ({}){}{}", gnuplot.exit_code,
                       why.empty() ? "" : ": ", why);
  }
  formats::write_file_atomically(path, gnuplot.output);
  return std::nullopt;
}

}  // namespace gptc::driver
