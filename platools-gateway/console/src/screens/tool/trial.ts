// Trial: what was filled in and called for one tool. It outlives the screen, so that a look at the schema or another page loses nothing.

import { assemble, type Problem } from '../../form/assemble';
import { draftOf, newDraft, type Draft } from '../../form/draft';
import type { Shape } from '../../form/shape';
import { parse } from '../../json';
import { Store } from '../../live/store';
import { recall } from './last-arguments';
import { ToolRun } from './run';

export interface Trial {
  readonly draft: Store<Draft>;
  readonly problems: Store<readonly Problem[]>;
  readonly tab: Store<string>;
  readonly timeout: Store<string>;
  readonly run: ToolRun;
}

const trials = new Map<string, Trial>();
const MAX_TRIALS = 20;

/** The trial of a tool. A credential sees its own only. */
export function trialOf(key: string, credential: string, shape: Shape): Trial {
  const place = `${credential} ${key}`;
  const trial = trials.get(place) ?? begin(shape, key);
  // The latest stand last, so that the first one has not been looked at for the longest time.
  trials.delete(place);
  trials.set(place, trial);
  for (const [old, { run }] of [...trials].slice(0, -MAX_TRIALS)) {
    run.cancel();
    trials.delete(old);
  }
  return trial;
}

function begin(shape: Shape, key: string): Trial {
  return {
    draft: new Store(firstDraft(shape, key)),
    problems: new Store<readonly Problem[]>([]),
    tab: new Store('form'),
    timeout: new Store(''),
    run: new ToolRun(),
  };
}

function firstDraft(shape: Shape, key: string): Draft {
  const kept = recall(key);
  try {
    return kept === null ? newDraft(shape) : draftOf(shape, parse(kept));
  } catch {
    return newDraft(shape);
  }
}

/** The same arguments for a tool that was declared anew. */
export function draftAgain(shape: Shape, old: Draft): Draft {
  const { value } = assemble(old.node);
  return value === undefined ? newDraft(shape) : draftOf(shape, value);
}
