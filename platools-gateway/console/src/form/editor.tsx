// DraftEditor: a form and its JSON as two tabs. Either follows the other.

import { useId } from 'preact/hooks';

import { Notice } from '../ui/states';
import { Tabs } from '../ui/tabs';
import { textOf, withNode, withText, type Draft } from './draft';
import { SchemaForm } from './form';
import type { PlacedProblems } from './problems';

export interface DraftEditorProps {
  readonly draft: Draft;
  readonly onChange: (draft: Draft) => void;
  readonly problems: PlacedProblems;
  readonly label: string;
  readonly tab: string;
  readonly onTab: (tab: string) => void;
}

export function DraftEditor({ draft, onChange, problems, label, tab, onTab }: DraftEditorProps) {
  const tabs = [
    { id: 'form', label: 'Form', content: () => <FormTab draft={draft} onChange={onChange} problems={problems} label={label} /> },
    { id: 'json', label: 'JSON', content: () => <JsonTab draft={draft} onChange={onChange} problems={problems} label={label} /> },
  ];
  return <Tabs label={`${label} as`} tabs={tabs} selected={tab} onSelect={onTab} />;
}

type TabProps = Pick<DraftEditorProps, 'draft' | 'onChange' | 'problems' | 'label'>;

function FormTab({ draft, onChange, problems, label }: TabProps) {
  return (
    <div class="stack">
      {draft.mistake !== null && (
        <Notice
          tone="warn"
          actions={
            <button type="button" class="button button-small" onClick={() => onChange(withNode(draft, draft.node))}>
              Discard the JSON
            </button>
          }
        >
          The JSON has a mistake, so the form shows what it was before. {draft.mistake}
        </Notice>
      )}
      <SchemaForm node={draft.node} onChange={(node) => onChange(withNode(draft, node))} problems={problems} label={label} />
    </div>
  );
}

function JsonTab({ draft, onChange, problems, label }: TabProps) {
  const id = useId();
  const faults = draft.mistake === null ? [...problems].flatMap(([pointer, messages]) => messages.map((message) => at(pointer, message))) : [draft.mistake];
  return (
    <div class="stack" data-fault={faults.length > 0 ? '' : undefined}>
      <textarea
        class="input json-editor"
        aria-label={`${label} as JSON`}
        aria-invalid={faults.length > 0 ? true : undefined}
        aria-describedby={faults.length > 0 ? id : undefined}
        spellcheck={false}
        autocomplete="off"
        value={textOf(draft)}
        onInput={(event) => onChange(withText(draft, event.currentTarget.value))}
      />
      {faults.length > 0 && (
        <ul class="form-faults" id={id}>
          {faults.map((fault) => (
            <li key={fault}>{fault}</li>
          ))}
        </ul>
      )}
    </div>
  );
}

function at(pointer: string, message: string): string {
  return pointer === '' ? message : `${pointer}: ${message}`;
}
