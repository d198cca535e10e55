/** Chat beside the call: text, and photos that are made small before they travel. */
const LONGEST_SIDE = 1600;
const element = (name, fields) => Object.assign(document.createElement(name), fields);

/** A picture of at most 1600 px as JPEG, turned as its EXIF says. */
async function shrink(file) {
  const picture = await createImageBitmap(file, { imageOrientation: "from-image" });
  const scale = Math.min(1, LONGEST_SIDE / Math.max(picture.width, picture.height));
  const canvas = element("canvas", { width: picture.width * scale, height: picture.height * scale });
  canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.85));
}

export class Chat {
  shown = false;
  unread = 0;
  #photos = new Map();

  constructor(widget) {
    this.widget = widget;
    const { refs } = widget;
    refs.write.onsubmit = (event) => {
      event.preventDefault();
      this.#say(refs.text.value.trim());
    };
    refs.file.onchange = () => this.#upload(refs.file.files[0]);
  }

  toggle() {
    const { refs } = this.widget;
    this.shown = !this.shown;
    this.unread = 0;
    this.widget.render();
    (this.shown ? refs.text : refs.chatButton).focus();
    this.#down();
  }

  #down() {
    const { lines } = this.widget.refs;
    lines.scrollTop = lines.scrollHeight;
  }

  #say(text) {
    if (!text) return;
    const item = { id: `${Date.now()}-${Math.random().toString(36).slice(2)}`, text };
    this.widget.send("chat.send", item);
    this.widget.refs.text.value = "";
    this.widget.dispatch({ type: "local.chat", item: { ...item, sender: "customer", at: Date.now() / 1000 } });
  }

  /** Our photos are readable with the session's own token only. */
  #fetch(path, options) {
    const headers = { Authorization: `Bearer ${this.widget.signaling.session.photo_token}`, "Content-Type": "image/jpeg" };
    return fetch(path, { ...options, headers });
  }

  async #upload(file) {
    const { refs, words, view } = this.widget;
    if (!file) return;
    const note = (key) => (refs.chatNote.textContent = key && words.t(key));
    note("photo.sending");
    try {
      const { ok } = await this.#fetch(`/api/v1/calls/${view.call.call_id}/photos`, { method: "POST", body: await shrink(file) });
      note(ok ? "" : "photo.failed");
    } catch {
      note("photo.failed");
    }
    refs.file.value = "";
  }

  /** Draw what was said, and count it while the chat is closed. */
  arrived(before, now) {
    if (before === now || !(before.length + now.length)) return;
    const { refs } = this.widget;
    const known = new Set(before.map(({ id }) => id));
    if (!this.shown) this.unread += now.filter(({ id, sender }) => sender !== "customer" && !known.has(id)).length;
    refs.lines.replaceChildren(...now.map((item) => this.#line(item)));
    refs.chatEmpty.hidden = now.length > 0;
    this.#down();
  }

  #line(item) {
    const line = element("div", { className: item.pending ? `${item.sender} pending` : item.sender });
    line.append(item.photo ? this.#photo(item) : element("p", { textContent: item.text, dir: "auto" }));
    line.append(element("time", { textContent: this.widget.words.time(item.at) }));
    return line;
  }

  #photo({ photo, width, height }) {
    const link = element("a", { target: "_blank" });
    const image = element("img", { width, height, alt: this.widget.words.t("photo.alt") });
    link.append(image);
    if (!this.#photos.has(photo)) this.#photos.set(photo, this.#load(photo));
    this.#photos.get(photo).then((url) => (link.href = image.src = url), () => {});
    return link;
  }

  async #load(photo) {
    return URL.createObjectURL(await (await this.#fetch(photo)).blob());
  }
}
