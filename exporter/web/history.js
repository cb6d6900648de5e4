// A few minutes of numbers, kept in this browser only.

export const SECONDS = 300;

export class History {
  #series = new Map(); // name → [[time, value]]

  // Twice the same time counts once; what nobody has added to for so long is forgotten.
  add(time, values) {
    for (const [name, value] of values) {
      if (value === undefined || value === null) continue;
      const samples = this.#series.get(name) ?? [];
      if (samples.length > 0 && samples.at(-1)[0] >= time) continue;
      samples.push([time, value]);
      while (samples[0][0] < time - SECONDS) samples.shift();
      this.#series.set(name, samples);
    }
    for (const [name, samples] of this.#series) {
      if (samples.at(-1)[0] < time - SECONDS) this.#series.delete(name);
    }
  }

  samples(name) {
    return this.#series.get(name) ?? [];
  }

  // Growth per second over the last minute; undefined before ten seconds are known.
  rate(name) {
    const samples = this.samples(name);
    if (samples.length < 2) return undefined;
    const [now, value] = samples.at(-1);
    const [then, before] = samples.find(([time]) => time >= now - 60);
    return now - then >= 10 ? (value - before) / (now - then) : undefined;
  }

  // How much a counter grew while the page was open, and in how many seconds. One that is lower
  // than before began anew.
  growth(name) {
    const samples = this.samples(name);
    if (samples.length < 2) return { count: 0, seconds: 0 };
    let count = 0;
    for (let i = 1; i < samples.length; ++i) {
      const step = samples[i][1] - samples[i - 1][1];
      count += step >= 0 ? step : samples[i][1];
    }
    return { count, seconds: samples.at(-1)[0] - samples[0][0] };
  }
}
