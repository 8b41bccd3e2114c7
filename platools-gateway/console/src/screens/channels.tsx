// Channels.

import type { ScreenProps } from '../routes';
import { Screen } from '../ui/screen';
import { Empty } from '../ui/states';

export function ChannelsScreen(_: ScreenProps) {
  return (
    <Screen title="Channels">
      <Empty title="Nothing here yet" />
    </Screen>
  );
}
