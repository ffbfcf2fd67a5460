const data = JSON.parse(document.getElementById("data").textContent);
const say = data.say;
const $ = (id) => document.getElementById(id);
const chosen = (name) => document.querySelector(`input[name="${name}"]:checked`).value;
const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
const percent = (share) => `${(100 * share).toFixed(1)} %`;
const signed = (value) => (Math.abs(value) < 0.005 ? 0 : value).toFixed(2).replace("-", "−");

function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

// The sentence, step by step.
let step = 0;

const reading = () => data.traces[chosen("task")][chosen("cell")];

function listChoices() {
  const trace = reading();
  $("cue").replaceChildren(...trace.words.map((words, k) => element("option", { value: k, textContent: words[trace.cue] })));
  step = 0;
}

function mean(values) {
  return values.reduce((total, value) => total + value, 0) / values.length;
}

function note(trace, k) {
  const at = (name) => mean(trace.values[name][k][step]);
  if ("f" in trace.values) return fill(say.note_keep, { percent: percent(at("f")), other: percent(at("i")) });
  if ("z" in trace.values) return fill(say.note_keep, { percent: percent(1 - at("z")), other: percent(at("z")) });
  return say.note_rnn;
}

function unitCell(value) {
  const cell = element("td", { textContent: signed(value) });
  const strength = Math.min(1, Math.abs(value)) * 0.6;
  cell.style.backgroundColor = value < 0 ? `rgba(40, 110, 220, ${strength})` : `rgba(230, 120, 20, ${strength})`;
  return cell;
}

function showStep() {
  const cell = chosen("cell"), trace = reading(), k = Number($("cue").value), words = trace.words[k], last = words.length - 1;
  $("words").replaceChildren(...words.map((word, index) => {
    const button = element("button", { type: "button", textContent: word, className: index === trace.cue ? "cue" : "" });
    if (index === step) button.setAttribute("aria-current", "step");
    button.addEventListener("click", () => { moveTo(index); $("words").children[index].focus(); });
    return button;
  }));
  $("previous").disabled = step === 0;
  $("next").disabled = step === last;
  $("now").replaceChildren(
    fill(say.word, { now: step + 1, all: words.length, word: words[step] }),
    element("span", { textContent: note(trace, k) }),
  );
  const units = trace.values.h[k][0].length;
  const zeros = Array(units).fill(0);
  const rows = [[`${data.quantities[trace.memory]} (${say.before})`, step ? trace.values[trace.memory][k][step - 1] : zeros]];
  for (const name of data.cells[cell]) rows.push([data.quantities[name], trace.values[name][k][step]]);
  $("units").tBodies[0].replaceChildren(...rows.flatMap(([label, values]) => [
    element("tr", {}, element("th", { scope: "rowgroup", colSpan: units, textContent: label })),
    element("tr", {}, ...values.map(unitCell)),
  ]));
  $("line").textContent = `${fill(say.example, { unit: trace.telling[k] + 1 })}   ${trace.lines[k][step]}`;
  const shares = trace.probabilities[k];
  const known = trace.names.map((name, index) => [name, shares[index]]).filter(([name]) => name !== null);
  $("answer").replaceChildren(...(step < last ? [element("p", { className: "how", textContent: say.not_yet })] : [
    element("h3", { textContent: say.answer_at_end }),
    ...known.map(([name, share]) => bar(name, share)),
  ]));
  $("see").textContent = data.see[cell];
}

function moveTo(index) {
  const count = reading().words[0].length;
  step = Math.max(0, Math.min(count - 1, index));
  showStep();
}

function bar(label, share, color = "var(--mark)", chance = null, verdict = "") {
  const filled = element("div", { className: "fill" });
  filled.style.width = `${100 * share}%`;
  const track = element("div", { className: "track" }, filled);
  if (chance !== null) {
    const line = element("div", { className: "chance", title: `${say.chance} ${percent(chance)}` });
    line.style.left = `${100 * chance}%`;
    track.append(line);
  }
  const row = element("div", { className: "bar" }, element("span", { textContent: label }), track, element("span", { textContent: percent(share) }));
  row.style.setProperty("--color", color);
  if (verdict) row.append(element("span", { className: "verdict", textContent: verdict }));
  return row;
}

// The gap.
const gaps = () => Object.keys(data.accuracy[chosen("measured")]).map(Number).sort((a, b) => a - b);

function verdict({ solved, seeds }) {
  const text = solved === 0 ? say.loses : solved < 0.8 * seeds ? say.partly : say.keeps;
  return fill(text, { solved, seeds });
}

function showGap() {
  const task = chosen("measured"), all = gaps(), slider = $("gap");
  slider.max = all.length - 1;
  const gap = all[Math.min(Number(slider.value), all.length - 1)];
  const label = fill(say.gap_words, { gap: gap.toLocaleString("en-US") });
  $("gap-text").textContent = label;
  slider.setAttribute("aria-valuetext", label);
  const { words, cue } = data.traces[task].lstm, ending = task === "recall" ? 2 : 1;
  const before = words[0].slice(0, cue).join(" "), after = words[0].slice(-ending).join(" ");
  $("far").replaceChildren(`${before} `, element("b", { textContent: words[0][cue] }), ` … ${label} … ${after} → ?`);
  const measured = data.accuracy[task][gap];
  $("bars").replaceChildren(...Object.keys(data.cells).filter((cell) => cell in measured).map((cell) =>
    bar(data.names[cell], measured[cell].accuracy, `var(--${cell})`, measured[cell].chance, verdict(measured[cell]))));
}

// The gradient.
const LEFT = 64, RIGHT = 540, TOP = 14, BOTTOM = 262, DASHES = { rnn: "", lstm: "9 4", gru: "2 4" };
const floor = Math.floor(Math.log10(Math.min(...Object.values(data.gradients).flat().filter((size) => size > 0))) / 10) * 10;
const top = Math.ceil(Math.log10(Math.max(...Object.values(data.gradients).flat())));
const steps = data.gradients.rnn.length - 1;
const across = (distance) => LEFT + ((RIGHT - LEFT) * distance) / steps;
const down = (size) => TOP + ((BOTTOM - TOP) * (top - Math.log10(Math.max(size, 10 ** floor)))) / (top - floor);

function drawing(tag, attributes, text = "") {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.textContent = text;
  return made;
}

const power = (exponent) => `10${[...String(exponent)].map((digit) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[digit] ?? "⁻").join("")}`;

function scientific(size) {
  if (size === 0) return "0";
  if (size >= 0.01) return size.toPrecision(2);
  const [digits, exponent] = size.toExponential(0).split("e");
  return `${digits} × ${power(Number(exponent))}`;
}

function drawChart() {
  const ticks = [];
  for (let exponent = floor; exponent <= 0; exponent += -floor / 5) ticks.push(exponent);
  for (const exponent of ticks) {
    const y = down(10 ** exponent);
    $("chart").append(
      drawing("line", { class: "grid", x1: LEFT, x2: RIGHT, y1: y, y2: y }),
      drawing("text", { x: LEFT - 8, y: y + 5, "text-anchor": "end" }, exponent ? power(exponent) : "1"),
    );
  }
  const ends = Object.entries(data.gradients).map(([cell, sizes]) => [cell, down(sizes[steps])]).sort((a, b) => a[1] - b[1]);
  ends.forEach((end, index) => { if (index) end[1] = Math.max(end[1], ends[index - 1][1] + 22); });
  for (const [cell, y] of ends) {
    const points = data.gradients[cell].map((size, distance) => `${across(distance).toFixed(1)},${down(size).toFixed(1)}`).join(" ");
    const label = drawing("text", { x: RIGHT + 8, y: y + 5 }, data.names[cell]);
    label.style.fill = `var(--${cell})`;
    const line = drawing("polyline", { points, "data-cell": cell, "stroke-dasharray": DASHES[cell] });
    line.style.stroke = `var(--${cell})`;
    $("chart").append(line, label);
  }
  for (const distance of [0, 50, 100, 150, 200].filter((distance) => distance <= steps))
    $("chart").append(drawing("text", { x: across(distance), y: BOTTOM + 24, "text-anchor": "middle" }, String(distance)));
  $("chart").append(drawing("line", { class: "now", y1: TOP, y2: BOTTOM }));
}

function showGradient() {
  const distance = Number($("distance").value), label = fill(say.steps, { steps: distance });
  $("distance-text").textContent = label;
  $("distance").setAttribute("aria-valuetext", label);
  for (const end of ["x1", "x2"]) document.querySelector("#chart .now").setAttribute(end, across(distance));
  const values = Object.keys(data.gradients).map((cell) => `${data.names[cell]} ${scientific(data.gradients[cell][distance])}`);
  $("gradient").textContent = fill(say.gradient_text, { steps: distance, values: values.join(", ") });
}

document.querySelectorAll('input[name="cell"]').forEach((input) => input.addEventListener("change", showStep));
document.querySelectorAll('input[name="task"]').forEach((input) => input.addEventListener("change", () => { listChoices(); showStep(); }));
document.querySelectorAll('input[name="measured"]').forEach((input) => input.addEventListener("change", showGap));
$("cue").addEventListener("change", showStep);
$("previous").addEventListener("click", () => moveTo(step - 1));
$("next").addEventListener("click", () => moveTo(step + 1));
$("gap").addEventListener("input", showGap);
$("distance").addEventListener("input", showGradient);
document.addEventListener("keydown", (event) => {
  const move = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (!move || event.altKey || event.ctrlKey || event.metaKey || event.target.closest("input, select, pre")) return;
  event.preventDefault();
  const inWords = $("words").contains(document.activeElement);
  moveTo(step + move);
  if (inWords) $("words").children[step].focus();
});
listChoices();
drawChart();
showStep();
showGap();
showGradient();
