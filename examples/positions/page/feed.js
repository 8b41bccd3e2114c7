// The connection: it is made again when it ends, with longer pauses the longer that takes.

const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 30_000;

/** The gateway pings every 30 seconds: a connection on which nothing comes for so long is gone, whatever the browser thinks. */
const SILENCE = 75_000;

/** Closes after which connecting again would be wrong. */
const DISPLACED = 'New connection established';
const AGENT_NOT_FOUND = 1008;

export class Feed {
  #socket;
  #timer;
  #silence;
  #pause = FIRST_PAUSE;

  /** `onMessage(message)` gets what comes, `onState(state, text)` how the connection is. */
  constructor(onMessage, onState) {
    this.onMessage = onMessage;
    this.onState = onState;
  }

  async connect() {
    clearTimeout(this.#timer);
    this.onState('connecting', 'Connecting…');
    try {
      const { url, token, agentId } = await (await fetch('/session', { cache: 'no-store' })).json();
      this.#open(`${url}?${new URLSearchParams({ token, agentId })}`);
    } catch {
      this.#later();
    }
  }

  #open(url) {
    const socket = new WebSocket(url);
    this.#socket = socket;
    this.#expect(socket);
    socket.onmessage = ({ data }) => {
      if (socket !== this.#socket) return;
      this.#expect(socket);
      this.#hear(JSON.parse(data));
    };
    socket.onclose = ({ code, reason }) => {
      if (socket !== this.#socket) return;
      clearTimeout(this.#silence);
      if (reason === DISPLACED) this.onState('ended', 'Watched in another window');
      else if (code === AGENT_NOT_FOUND) this.onState('ended', 'There is no such agent');
      else this.#later();
    };
  }

  #expect(socket) {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => {
      // Its close may take long, or never come.
      this.#socket = undefined;
      socket.close();
      this.#later();
    }, SILENCE);
  }

  #hear(message) {
    switch (message.type) {
      case 'ping':
        this.#socket.send(JSON.stringify({ type: 'pong', timestamp: new Date().toISOString() }));
        break;
      case 'initial_data':
        // Only now it works: a gateway that lets nobody stay must not be asked twice a second.
        this.#pause = FIRST_PAUSE;
        this.onState('live', 'Live');
        this.onMessage(message);
        break;
      default:
        this.onMessage(message);
    }
  }

  #later() {
    // Not all pages at once.
    const pause = this.#pause * (0.5 + Math.random() / 2);
    this.#pause = Math.min(this.#pause * 2, LONGEST_PAUSE);
    this.onState('waiting', 'Connection lost; trying again…');
    this.#timer = setTimeout(() => this.connect(), pause);
  }
}
