// Gateways: the members of an installation as the one sees them that served the page, and where the workers of an entity are.

import { useState } from 'preact/hooks';

import { get } from '../api/rest';
import type { GatewayMember, Installation } from '../api/types';
import { useResource } from '../live/resource';
import { useQueryParam } from '../router';
import type { ScreenProps } from '../routes';
import { Badge, type Tone } from '../ui/badge';
import { count, duration, plural } from '../ui/format';
import { Card, Screen } from '../ui/screen';
import { Empty, Loaded } from '../ui/states';
import { Table, type Column } from '../ui/table';
import { Ago } from '../ui/time';

export function GatewaysScreen(_: ScreenProps) {
  const [entity, setEntity] = useQueryParam('entity');
  const cluster = useResource(`cluster ${entity}`, (signal) => get<Installation>('/v1/cluster', { worker: entity }, signal), { everyMs: 2000 });
  return (
    <Screen title="Gateways" lead="The gateways that serve the same workers and callers, over one database and one bus.">
      <Loaded resource={cluster}>
        {(installation) =>
          installation.gateways.length === 0 ? (
            <div class="card">
              <Empty title="This gateway is alone">Several gateways share their workers when they are started with one PostgreSQL database and one NATS server.</Empty>
            </div>
          ) : (
            <>
              <Members installation={installation} />
              <Places installation={installation} entity={entity} onEntity={setEntity} />
            </>
          )
        }
      </Loaded>
    </Screen>
  );
}

function Members({ installation }: { installation: Installation }) {
  const { gateways, gateway: own } = installation;
  const columns: Column<GatewayMember>[] = [
    {
      id: 'gateway',
      title: 'Gateway',
      width: 'minmax(9rem, 1fr)',
      sort: (member) => member.gateway,
      cell: (member) => (
        <span class="row nowrap">
          {member.gateway} {member.gateway === own && <Badge tone="accent">served this page</Badge>}
        </span>
      ),
    },
    { id: 'state', title: 'State', width: 'minmax(8rem, 1fr)', cell: (member) => <State member={member} /> },
    { id: 'version', title: 'Version', width: 'minmax(6rem, 1fr)', sort: (member) => member.version, cell: (member) => member.version },
    { id: 'workers', title: 'Workers', width: '6rem', align: 'end', sort: (member) => member.workers, cell: (member) => count(member.workers) },
    { id: 'seen', title: 'Last heartbeat', width: '8rem', align: 'end', wideOnly: true, sort: (member) => member.seenMs, cell: (member) => `${duration(member.seenMs)} ago` },
  ];
  const versions = new Set(gateways.map(({ version }) => version));
  return (
    <>
      {versions.size > 1 && <p class="notice" data-tone="info">The gateways have different versions. That is fine during an update; finish it before you use new features.</p>}
      <Table
        label="Gateways"
        columns={columns}
        rows={gateways}
        keyOf={(member) => String(member.gateway)}
        sort="gateway"
        note={`${plural(gateways.length, 'gateway')}, ${plural(
          gateways.reduce((sum, { workers }) => sum + workers, 0),
          'worker',
        )}`}
      />
    </>
  );
}

function State({ member }: { member: GatewayMember }) {
  const [tone, text]: [Tone, string] = member.stopping
    ? ['warn', 'stopping']
    : !member.hasDatabase
      ? ['bad', 'no database']
      : member.seenMs > 3000
        ? ['warn', 'silent']
        : ['good', 'serving'];
  return <Badge tone={tone}>{text}</Badge>;
}

type Place = NonNullable<Installation['workers']>[number];

const placeColumns: Column<Place>[] = [
  { id: 'connection', title: 'Connection', width: 'minmax(12rem, 2fr)', cell: (place) => <code>{place.connectionId}</code> },
  { id: 'environment', title: 'Environment', width: 'minmax(6rem, 1fr)', sort: (place) => place.environment, cell: (place) => place.environment },
  { id: 'gateway', title: 'Gateway', width: '5rem', align: 'end', sort: (place) => place.gateway, cell: (place) => place.gateway },
  { id: 'since', title: 'Connected', width: '7rem', align: 'end', sort: (place) => place.connectedAt, cell: (place) => <Ago at={place.connectedAt} /> },
];

function Places({ installation, entity, onEntity }: { installation: Installation; entity: string; onEntity: (entity: string) => void }) {
  const [text, setText] = useState(entity);
  const search = (event: Event) => {
    event.preventDefault();
    onEntity(text.trim());
  };
  return (
    <Card
      title="Find a worker"
      flush
      actions={
        <form class="row nowrap" role="search" onSubmit={search}>
          <input class="input field-short" type="search" aria-label="Entity" placeholder="Entity" value={text} onInput={(event) => setText(event.currentTarget.value)} />
          <button type="submit" class="button">
            Find
          </button>
        </form>
      }
    >
      <Table
        label="Workers of the entity"
        columns={placeColumns}
        rows={installation.workers ?? []}
        keyOf={(place) => place.connectionId}
        empty={<Empty title={entity === '' ? 'Enter an entity' : `No worker of ${entity} is connected`}>The gateway of each of its workers is listed here.</Empty>}
      />
    </Card>
  );
}
