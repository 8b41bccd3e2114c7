// Credential fields: the fields that the forms of keys and tokens share.

import type { Agent, Environment, Role } from '../../api/types';
import { useSession } from '../../session';
import { SelectField, TextField } from '../../ui/field';
import { LIFETIMES, type CredentialForm } from './credential';

interface CredentialFieldsProps {
  kind: 'key' | 'token';
  form: CredentialForm;
  onChange: (form: CredentialForm) => void;
  agents: Agent[];
  environments: Environment[];
}

const ROLES: { value: Role; label: string }[] = [
  { value: 'viewer', label: 'Viewer: looks' },
  { value: 'operator', label: 'Operator: calls tools and talks to agents' },
  { value: 'admin', label: 'Admin: does everything' },
];

export function CredentialFields({ kind, form, onChange, agents, environments }: CredentialFieldsProps) {
  const session = useSession();
  const set = (change: Partial<CredentialForm>) => onChange({ ...form, ...change });
  const canBeEndless = kind === 'key' && session.expiresAt === null;
  return (
    <>
      <TextField label="Name" hint="For people, such as the program that uses it." value={form.name} onChange={(name) => set({ name })} maxLength={128} />
      <SelectField label="Role" value={form.role} onChange={(role) => set({ role: role as Role })} options={ROLES} />
      <SelectField
        label="Ends after"
        value={form.ttl}
        onChange={(ttl) => set({ ttl })}
        options={[...(canBeEndless ? [{ value: '', label: 'Never, until it is revoked' }] : []), ...LIFETIMES]}
        {...(session.expiresAt === null ? {} : { hint: 'It cannot outlive the credential that you are signed in with.' })}
      />
      <EnvironmentsField chosen={form.environments} environments={environments} onChange={(chosen) => set({ environments: chosen })} />
      <details class="access-more">
        <summary>Agent, users and roles of tools</summary>
        <div class="stack">
          <SelectField
            label="Agent"
            hint="A credential of an agent ends with it, and sees that agent’s calls."
            value={form.agentId}
            onChange={(agentId) => set({ agentId })}
            options={[{ value: '', label: 'None' }, ...agents.map(({ id, slug }) => ({ value: id, label: slug }))]}
          />
          {kind === 'token' && <TextField label="User" hint="The one user whom the token is for. Empty for none." value={form.userId} onChange={(userId) => set({ userId })} maxLength={255} />}
          <SelectField
            label="Speaks for"
            hint="The users that a program with it may act for."
            value={form.speaksFor}
            onChange={(speaksFor) => set({ speaksFor: speaksFor as CredentialForm['speaksFor'] })}
            options={[
              { value: '', label: 'Default of the role' },
              { value: 'nobody', label: 'Nobody' },
              { value: 'anybody', label: 'Anybody' },
              { value: 'list', label: 'Listed users' },
            ]}
          />
          {form.speaksFor === 'list' && <TextField label="Users" hint="Ids, with commas or spaces between them; at most 64." value={form.users} onChange={(users) => set({ users })} />}
          <TextField label="Tool roles" hint="Roles that only tools look at, with commas between them." value={form.toolRoles} onChange={(toolRoles) => set({ toolRoles })} />
        </div>
      </details>
    </>
  );
}

function EnvironmentsField({ chosen, environments, onChange }: { chosen: string[]; environments: Environment[]; onChange: (chosen: string[]) => void }) {
  const toggle = (slug: string) => onChange(chosen.includes(slug) ? chosen.filter((other) => other !== slug) : [...chosen, slug]);
  return (
    <fieldset class="access-choices">
      <legend>Environments</legend>
      {environments.map(({ id, slug }) => (
        <label key={id} class="access-choice">
          <input type="checkbox" checked={chosen.includes(slug)} onChange={() => toggle(slug)} />
          {slug}
        </label>
      ))}
      <p class="hint muted small">{chosen.length === 0 ? 'None chosen: it reaches all of them, also those to come.' : 'It reaches the chosen ones only.'}</p>
    </fieldset>
  );
}
