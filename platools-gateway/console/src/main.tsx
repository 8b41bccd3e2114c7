// The console's entry: styles, the session, and the page.

import './ui/style.css';

import { render } from 'preact';

import { App } from './app';
import { applyScheme } from './scheme';
import { begin } from './session';

applyScheme();
void begin();
const root = document.getElementById('app');
if (root) render(<App />, root);
