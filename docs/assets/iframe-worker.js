// A page that is opened from disk may not start a worker. There the search runs in a hidden frame instead.
if (location.protocol === "file:") {
  const load = (page, url) =>
    new Promise((resolve, reject) => {
      const script = page.document.createElement("script");
      script.src = new URL(url, document.baseURI).href;
      script.onload = resolve;
      script.onerror = () => reject(new Error(`${script.src} could not be read`));
      page.document.body.append(script);
    });

  window.Worker = class extends EventTarget {
    constructor(url) {
      super();
      this.frame = document.createElement("iframe");
      this.frame.hidden = true;
      document.body.append(this.frame);
      const page = this.frame.contentWindow;
      page.document.write("<!doctype html><body></body>");
      page.document.close();
      page.postMessage = (data) => this.dispatchEvent(new MessageEvent("message", { data }));
      page.importScripts = async (...urls) => {
        for (const each of urls) await load(page, each);
      };
      this.ready = load(page, url);
    }

    postMessage(data) {
      const page = this.frame.contentWindow;
      this.ready.then(() => page.dispatchEvent(new page.MessageEvent("message", { data })));
    }

    terminate() {
      this.frame.remove();
    }
  };
}
