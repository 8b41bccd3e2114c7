// Log.

import type { ScreenProps } from '../routes';
import { Screen } from '../ui/screen';
import { Empty } from '../ui/states';

export function LogScreen(_: ScreenProps) {
  return (
    <Screen title="Log">
      <Empty title="Nothing here yet" />
    </Screen>
  );
}
