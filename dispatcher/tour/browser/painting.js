// Tells the recorder when a document begins and when it has painted its first content, in milliseconds since the epoch.
(() => {
  const tell = window[TELL];
  delete window[TELL];
  if (window !== window.top || !tell) return;
  tell("begun", Date.now());  // the wall clock, as the frames have it
  const frames = (n, then) => (n ? requestAnimationFrame(() => frames(n - 1, then)) : then());
  new PerformanceObserver((entries, observer) => {
    if (!entries.getEntriesByName("first-contentful-paint").length) return;
    observer.disconnect();
    // The arrow is put in its place meanwhile. Drawn again, as it is: there is a frame after this moment in any case.
    frames(2, () => {
      tell("painted", Date.now());
      document.documentElement?.animate([{ opacity: 1 }, { opacity: 0.9999 }], 60);
    });
  }).observe({ type: "paint", buffered: true });
})();
