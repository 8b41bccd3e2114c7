// Conversations.

import type { ScreenProps } from '../routes';
import { Screen } from '../ui/screen';
import { Empty } from '../ui/states';

export function ConversationsScreen(_: ScreenProps) {
  return (
    <Screen title="Conversations">
      <Empty title="Nothing here yet" />
    </Screen>
  );
}
