// Toasts: short messages about what was just done. Errors stay until they are closed.

import { Store, useStore } from '../live/store';
import { CloseIcon } from './icons';

interface Toast {
  id: number;
  text: string;
  tone: 'good' | 'bad' | 'info';
}

const toasts = new Store<Toast[]>([]);
let lastId = 0;

export function toast(text: string, tone: Toast['tone'] = 'good'): void {
  lastId += 1;
  const id = lastId;
  toasts.update((list) => [...list.slice(-3), { id, text, tone }]);
  if (tone !== 'bad') setTimeout(() => dismiss(id), 6000);
}

function dismiss(id: number): void {
  toasts.update((list) => list.filter((item) => item.id !== id));
}

export function Toasts() {
  const list = useStore(toasts);
  return (
    <div class="toasts" role="status" aria-live="polite" aria-label="Messages">
      {list.map((item) => (
        <div class="toast" data-tone={item.tone} key={item.id}>
          <p>{item.text}</p>
          <button type="button" class="button button-plain button-small button-icon" aria-label="Close the message" onClick={() => dismiss(item.id)}>
            <CloseIcon />
          </button>
        </div>
      ))}
    </div>
  );
}
