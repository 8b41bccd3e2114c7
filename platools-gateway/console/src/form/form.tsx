// SchemaForm: the fields of a value, made from its schema.

import { useCallback, useMemo, useState } from 'preact/hooks';

import './form.css';

import { firstControl, Form, type FieldProps, type FormContext } from './context';
import { ChoiceField, ListField, Members, ObjectField } from './groups';
import { BooleanField, ConstantField, JsonField, NullField, NumberField, OptionsField, TextField } from './leaves';
import type { Node } from './node';
import { NO_PROBLEMS, type PlacedProblems } from './problems';

export interface SchemaFormProps {
  readonly node: Node;
  readonly onChange: (node: Node) => void;
  readonly problems?: PlacedProblems;
  /** The name of the whole value. */
  readonly label: string;
}

export function SchemaForm({ node, onChange, problems = NO_PROBLEMS, label }: SchemaFormProps) {
  const [news, setNews] = useState('');
  const announce = useCallback((text: string) => setNews(text), []);
  const context = useMemo<FormContext>(() => ({ problems, Field, announce }), [problems, announce]);
  const whole = problems.get('') ?? [];
  const isPlain = node.kind === 'object';
  return (
    <Form.Provider value={context}>
      <div class="form" role="group" aria-label={label}>
        {isPlain && whole.length > 0 && (
          <ul class="form-faults" data-fault="" tabIndex={-1}>
            {whole.map((message) => (
              <li key={message}>{message}</li>
            ))}
          </ul>
        )}
        {isPlain ? <Members node={node} onChange={onChange} pointer="" /> : <Field node={node} onChange={onChange} pointer="" label={label} isRequired />}
        <p class="visually-hidden" role="status" aria-live="polite">
          {news}
        </p>
      </div>
    </Form.Provider>
  );
}

/** Moves the focus to the first field with a problem. */
export function focusFirstProblem(form: Element | null): void {
  const fault = form?.querySelector<HTMLElement>('[data-fault]') ?? null;
  const target = firstControl(fault) ?? fault;
  target?.focus();
  target?.scrollIntoView({ block: 'center' });
}

function Field(props: FieldProps) {
  const { node } = props;
  switch (node.kind) {
    case 'text':
      return <TextField {...props} node={node} />;
    case 'number':
      return <NumberField {...props} node={node} />;
    case 'boolean':
      return <BooleanField {...props} node={node} />;
    case 'options':
      return <OptionsField {...props} node={node} />;
    case 'constant':
      return <ConstantField {...props} node={node} />;
    case 'object':
      return <ObjectField {...props} node={node} />;
    case 'list':
      return <ListField {...props} node={node} />;
    case 'choice':
      return <ChoiceField {...props} node={node} />;
    case 'null':
      return <NullField {...props} node={node} />;
    case 'json':
      return <JsonField {...props} node={node} />;
  }
}
