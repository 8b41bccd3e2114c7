// Calls.

import type { ScreenProps } from '../routes';
import { Screen } from '../ui/screen';
import { Empty } from '../ui/states';

export function CallsScreen(_: ScreenProps) {
  return (
    <Screen title="Calls">
      <Empty title="Nothing here yet" />
    </Screen>
  );
}
