// Settings: the values that this gateway runs with, and the place that each comes from.

import { useMemo } from 'preact/hooks';

import { get } from '../api/rest';
import type { Setting } from '../api/types';
import { useResource } from '../live/resource';
import { useQueryParam } from '../router';
import type { ScreenProps } from '../routes';
import { Badge } from '../ui/badge';
import { count, plural } from '../ui/format';
import { Screen } from '../ui/screen';
import { Empty, Loaded } from '../ui/states';
import { Table, type Column } from '../ui/table';

const sources: Record<Setting['source'], string> = {
  default: 'default',
  file: 'file',
  environment: 'environment variable',
  command_line: 'command line',
  program: 'program',
};

export function SettingsScreen(_: ScreenProps) {
  const settings = useResource('settings', async (signal) => (await get<{ items: Setting[] }>('/v1/settings', {}, signal)).items.map(readable));
  const [text, setText] = useQueryParam('search');
  const [changed, setChanged] = useQueryParam('changed');
  const rows = useMemo(() => (settings.data ?? []).filter((setting) => matches(setting, text, changed === 'yes')), [settings.data, text, changed]);
  return (
    <Screen title="Settings" lead="The values that this gateway runs with. They are changed in its file, its environment or on its command line, and hold from the next start on.">
      <Loaded resource={settings}>
        {(list) => (
          <>
            <div class="filters" role="search">
              <input class="input" type="search" aria-label="Search settings" placeholder="Name, value or description" value={text} onInput={(event) => setText(event.currentTarget.value)} />
              <label class="switch">
                <input type="checkbox" role="switch" checked={changed === 'yes'} onChange={(event) => setChanged(event.currentTarget.checked ? 'yes' : '')} />
                Only those that are set
              </label>
              <span class="muted small" role="status">
                {rows.length === list.length ? plural(list.length, 'setting') : `${count(rows.length)} of ${plural(list.length, 'setting')}`}
              </span>
            </div>
            <Table label="Settings" columns={columns} rows={rows} keyOf={(setting) => setting.name} rowHeight={56} empty={<Empty title="No setting matches">Change the search, or show all of them.</Empty>} />
          </>
        )}
      </Loaded>
    </Screen>
  );
}

/** The setting with its texts as they are read: those of the gateway are Markdown, with links to its documentation. */
export function readable(setting: Setting): Setting {
  return { ...setting, description: withoutMarkup(setting.description) };
}

const withoutMarkup = (text: string): string => text.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').replaceAll('`', '');

function matches(setting: Setting, text: string, onlySet: boolean): boolean {
  if (onlySet && setting.source === 'default') return false;
  const wanted = text.toLowerCase();
  return [setting.name, setting.description, setting.isSecret ? '' : shown(setting.value)].some((part) => part.toLowerCase().includes(wanted));
}

/** A value as text. An absent one is a dash. */
const shown = (value: string | null): string => value || '–';

function valueOf(setting: Setting): string {
  if (!setting.isSecret) return shown(setting.value);
  return setting.source !== 'default' ? 'set, not shown' : 'not set';
}

const columns: Column<Setting>[] = [
  {
    id: 'name',
    title: 'Setting',
    width: 'minmax(14rem, 2fr)',
    sort: (setting) => setting.name,
    cell: (setting) => (
      <>
        <code class="strong">{setting.name}</code>
        <div class="faint small truncate" title={setting.description}>
          {setting.description}
        </div>
      </>
    ),
  },
  { id: 'value', title: 'Value', width: 'minmax(8rem, 1fr)', cell: (setting) => <span class="mono" title={valueOf(setting)}>{valueOf(setting)}</span> },
  { id: 'default', title: 'Default', width: 'minmax(6rem, 1fr)', wideOnly: true, cell: (setting) => <span class="mono faint">{setting.isSecret ? '–' : shown(setting.default)}</span> },
  {
    id: 'source',
    title: 'From',
    width: 'minmax(9rem, 1fr)',
    sort: (setting) => `${setting.source === 'default' ? 1 : 0}${setting.source}`,
    cell: (setting) => (
      <>
        <Badge tone={setting.source === 'default' ? 'neutral' : 'accent'}>{sources[setting.source] ?? setting.source}</Badge>
        {setting.place && (
          <div class="faint small truncate mono" title={setting.place}>
            {setting.place}
          </div>
        )}
      </>
    ),
  },
];
