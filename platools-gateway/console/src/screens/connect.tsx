// Connect.

import type { ScreenProps } from '../routes';
import { Screen } from '../ui/screen';
import { Empty } from '../ui/states';

export function ConnectScreen(_: ScreenProps) {
  return (
    <Screen title="Connect">
      <Empty title="Nothing here yet" />
    </Screen>
  );
}
