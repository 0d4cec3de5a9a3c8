// Shows one slide at a time: the one that the address names (#3), then whichever `deck.show` is asked for. Text that
// is too much for its slide is set smaller until it fits; that is done before the first slide is shown.
(() => {
  const SMALLEST = 0.05, SMALL = 0.6, STEPS = 9;
  const slides = [...document.querySelectorAll(".slide")];

  const tooTall = (box) => box.scrollHeight > box.clientHeight;
  const tooWide = (box) => box.scrollWidth > box.clientWidth;
  const fits = (slide) => {
    const boxes = [slide, ...slide.querySelectorAll(".fit, .listing, .columns > div")];
    const texts = [...slide.querySelectorAll("li, h1, h2, h3, p, blockquote, figcaption, pre")];
    return !boxes.some(tooTall) && ![...boxes, ...texts].some(tooWide);
  };
  const scaled = (slide, smallest, scale) => {
    const fitsAt = (size) => { scale(size); return fits(slide); };
    if (fitsAt(1)) return true;
    if (!fitsAt(smallest)) return false;
    let [low, high] = [smallest, 1];
    for (let n = 0; n < STEPS; n++) {
      const middle = (low + high) / 2;
      if (fitsAt(middle)) low = middle; else high = middle;
    }
    return fitsAt(low);
  };
  // First only what stands below the heading gets smaller; then all, and long lines of code are broken.
  const fit = (slide) => {
    const set = (name) => (size) => slide.style.setProperty(name, size);
    slide.classList.add("whole");
    set("--head")(1);
    if (scaled(slide, SMALL, set("--fit"))) return;
    slide.classList.remove("whole");
    scaled(slide, SMALLEST, (size) => { set("--head")(size); set("--fit")(size); });
  };

  // Returns the number of the slide that is shown; a number beyond the deck shows the nearest one.
  const show = (number, { fade = true } = {}) => {
    const shown = Math.min(slides.length, Math.max(1, Math.trunc(number) || 1));
    document.documentElement.classList.toggle("still", !fade);
    slides.forEach((slide, n) => {
      slide.classList.toggle("on", n === shown - 1);
      slide.ariaHidden = String(n !== shown - 1);
    });
    return shown;
  };
  const fitAll = () => slides.forEach(fit);
  const named = () => Number(location.hash.slice(1));

  window.deck = { show, fitAll };
  show(named(), { fade: false });
  const ready = Promise.all([...document.images].map((image) => image.decode().catch(() => {})));
  window.deck.ready = Promise.all([ready, document.fonts.ready]).then(fitAll);
  addEventListener("hashchange", () => show(named()));
  addEventListener("resize", fitAll);
})();
