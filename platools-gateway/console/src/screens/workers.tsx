// Workers.

import type { ScreenProps } from '../routes';
import { Screen } from '../ui/screen';
import { Empty } from '../ui/states';

export function WorkersScreen(_: ScreenProps) {
  return (
    <Screen title="Workers">
      <Empty title="Nothing here yet" />
    </Screen>
  );
}
