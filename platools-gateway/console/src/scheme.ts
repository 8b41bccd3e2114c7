// Scheme: light or dark, as the system has it or as the user chose.

import { Store, useStore } from './live/store';

export type Scheme = 'system' | 'light' | 'dark';

const KEY = 'platools.scheme';
const scheme = new Store<Scheme>(kept());

function kept(): Scheme {
  const value = localStorage.getItem(KEY);
  return value === 'light' || value === 'dark' ? value : 'system';
}

export function applyScheme(): void {
  const value = scheme.get();
  if (value === 'system') delete document.documentElement.dataset['scheme'];
  else document.documentElement.dataset['scheme'] = value;
}

export function useScheme(): [Scheme, (value: Scheme) => void] {
  return [
    useStore(scheme),
    (value) => {
      if (value === 'system') localStorage.removeItem(KEY);
      else localStorage.setItem(KEY, value);
      scheme.set(value);
      applyScheme();
    },
  ];
}
